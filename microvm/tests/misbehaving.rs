//! Guests that misbehave, of hand-made machine code, on the real `/dev/kvm`.

mod common;

use common::{assert_fails, elf, file, kvm, microvm, run};
use std::process::Output;

/// Runs machine code in a VM of 3 MiB, whose page tables map 4.
fn guest(code: &[u8]) -> Output {
    run(file(&elf(code)).path(), "3", &["noop"])
}

#[test]
fn the_status_is_passed_on() {
    if !kvm("the_status_is_passed_on") {
        return;
    }
    for status in [0, 1, 42, 255] {
        let output = guest(&[0xb0, status, 0xe6, 0xf4]); // mov al, status; out 0xf4, al
        assert_eq!(output.status.code(), Some(status.into()), "{output:?}");
    }
}

#[test]
fn ports_that_nobody_has_float_high_and_drop_what_is_written() {
    if !kvm("ports_that_nobody_has_float_high_and_drop_what_is_written") {
        return;
    }
    // in al, 0x80; out 0x80, al; xor al, 0xff; out 0xf4, al
    let output = guest(&[0xe4, 0x80, 0xe6, 0x80, 0x34, 0xff, 0xe6, 0xf4]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn an_unfinished_line_is_written_before_a_mark_and_at_the_end() {
    if !kvm("an_unfinished_line_is_written_before_a_mark_and_at_the_end") {
        return;
    }
    let mut code = vec![0x66, 0xba, 0xf8, 0x03]; // mov dx, 0x3f8
    for byte in *b"ab" {
        code.extend([0xb0, byte, 0xee]); // mov al, byte; out dx, al
    }
    code.extend([0xb0, 6, 0xe6, 0xe9]); // a mark
    code.extend([0xb0, b'c', 0xee, 0xe6, 0xf4]); // c, and its code as the status
    let output = guest(&code);
    assert_eq!((output.status.code(), &*output.stdout), (Some(b'c'.into()), &b"ab\x06c"[..]), "{output:?}");
}

#[test]
fn a_triple_fault_is_an_error() {
    if !kvm("a_triple_fault_is_an_error") {
        return;
    }
    let output = guest(&[0x0f, 0x0b]); // ud2, with no IDT
    let text = String::from_utf8_lossy(&output.stderr);
    // A backend that emulates ring 0 may give up before the third fault.
    let cause = if text.contains("KVM_EXIT_INTERNAL_ERROR") { "suberror" } else { "triple fault" };
    // On AMD the registers are lost with it.
    let place = if text.contains("reset itself") { "no longer tell" } else { "rip 0x100000" };
    assert_fails(&output, 125, &[cause, place]);
}

#[test]
fn memory_that_is_not_there_is_an_error() {
    if !kvm("memory_that_is_not_there_is_an_error") {
        return;
    }
    let read = [0x8b, 0x04, 0x25, 0x00, 0x00, 0x38, 0x00]; // mov eax, [0x380000]
    assert_fails(&guest(&read), 125, &["read from 0x380000, 4 bytes", "KVM_EXIT_MMIO"]);
    let write = [0x89, 0x04, 0x25, 0x00, 0x00, 0x38, 0x00]; // mov [0x380000], eax
    assert_fails(&guest(&write), 125, &["write to 0x380000, 4 bytes", "KVM_EXIT_MMIO"]);
}

#[test]
fn a_guest_that_halts_for_ever_does_not_keep_the_vmm_busy() {
    if !kvm("a_guest_that_halts_for_ever_does_not_keep_the_vmm_busy") {
        return;
    }
    assert_fails(&guest(&[0xf4, 0xeb, 0xfd]), 125, &["halted", "nothing can wake it"]); // hlt; jmp
}

#[test]
fn a_reader_that_goes_away_ends_the_vmm() {
    if !kvm("a_reader_that_goes_away_ends_the_vmm") {
        return;
    }
    let image = file(&elf(&[0xb0, 2, 0xe6, 0xe9, 0xeb, 0xfc])); // a mark, for ever
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = microvm(["run", "--marks", "--image"]);
    let status = command.arg(image.path()).args(["--", "noop"]).stdout(writer).status().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGPIPE), "{status:?}");
}
