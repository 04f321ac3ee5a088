//! `isolab-microvm boot`, with kernels of a few bytes on the real `/dev/kvm`: they find what Linux finds.

mod common;

use common::{assert_fails, elf, file, kvm, microvm};
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// `out 0xf4, al`
const END: [u8; 2] = [0xe6, 0xf4];

/// The command that boots a kernel of this machine code.
fn command(kernel: &std::path::Path, more: &[&str]) -> Command {
    let mut command = microvm(["boot", "--memory", "4", "--kernel"]);
    command.arg(kernel).args(more);
    command
}

fn boot(code: &[u8], more: &[&str]) -> Output {
    command(file(&elf(code)).path(), more).output().unwrap()
}

/// Text out of the serial port.
fn say(text: &[u8]) -> Vec<u8> {
    let mut code = vec![0x66, 0xba, 0xf8, 0x03]; // mov dx, 0x3f8
    for &byte in text {
        code.extend([0xb0, byte, 0xee]); // mov al, byte; out dx, al
    }
    code
}

/// `mov al, 0xfe; out 0x64, al`
const RESET: [u8; 4] = [0xb0, 0xfe, 0xe6, 0x64];

#[test]
fn status_and_marks_are_passed_on() {
    if !kvm("status_and_marks_are_passed_on") {
        return;
    }
    let code = [[0xb0, 6, 0xe6, 0xe9], [0xb0, 42, 0xe6, 0xf4]].concat();
    let with = boot(&code, &["--marks"]);
    assert_eq!((with.status.code(), &*with.stdout), (Some(42), &b"\x06"[..]), "{with:?}");
    let without = boot(&code, &["--timeline"]);
    let text = String::from_utf8_lossy(&without.stdout);
    assert!(!text.contains('\x06') && text.contains("\"exited\""), "{text}");
}

#[test]
fn a_restart_is_a_good_end_unless_the_kernel_has_panicked() {
    if !kvm("a_restart_is_a_good_end_unless_the_kernel_has_panicked") {
        return;
    }
    let good = boot(&[say(b"Restarting\n"), RESET.to_vec()].concat(), &[]);
    assert_eq!((good.status.code(), &*good.stdout), (Some(0), &b"Restarting\n"[..]), "{good:?}");
    let panicked = boot(&[say(b"Kernel panic - not syncing: VFS\n"), RESET.to_vec()].concat(), &[]);
    assert_fails(&panicked, 125, &["its kernel panicked"]);
    assert_eq!(panicked.stdout, b"Kernel panic - not syncing: VFS\n");
}

#[test]
fn what_is_typed_arrives_once_the_guest_listens() {
    if !kvm("what_is_typed_arrives_once_the_guest_listens") {
        return;
    }
    let mut code = vec![0x66, 0xba, 0xf9, 0x03, 0xb0, 1, 0xee]; // mov dx, 0x3f9; mov al, 1; out dx, al
    code.extend([0x66, 0xba, 0xfc, 0x03, 0xb0, 2, 0xee]); // mov dx, 0x3fc; mov al, 2; out dx, al
    code.extend([0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 1, 0x74, 0xfb]); // mov dx, 0x3fd; in al, dx; test al, 1; jz
    code.extend([0x66, 0xba, 0xf8, 0x03, 0xec]); // mov dx, 0x3f8; in al, dx
    code.extend(END);
    let kernel = file(&elf(&code));
    let mut child = command(kernel.path(), &[]).stdin(Stdio::piped()).spawn().unwrap();
    // More than the port holds: the rest waits, and does not keep the VM from ending.
    child.stdin.take().unwrap().write_all(&[b'k'; 1000]).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(b'k'.into()));
}

#[test]
fn the_guest_finds_its_initial_file_system() {
    if !kvm("the_guest_finds_its_initial_file_system") {
        return;
    }
    // mov edx, [rsi + 0x218]; mov al, [rdx]; out 0xf4, al
    let code = [&[0x8b, 0x96, 0x18, 2, 0, 0, 0x8a, 0x02][..], &END].concat();
    let initrd = file(b"*cpio*");
    let path = initrd.path().to_str().unwrap();
    assert_eq!(boot(&code, &["--initrd", path]).status.code(), Some(b'*'.into()));
}

#[test]
fn what_cannot_be_booted_is_refused_in_one_line() {
    if !kvm("what_cannot_be_booted_is_refused_in_one_line") {
        return;
    }
    let text = file(b"#!/bin/sh\n");
    let large = file(&vec![0; 4 << 20]);
    let large = large.path().to_str().unwrap();
    assert_fails(&command(text.path(), &[]).output().unwrap(), 125, &["loading", "no ELF file"]);
    assert_fails(&boot(&END, &["--initrd", large]), 125, &[large, "do not fit", "more memory"]);
    assert_fails(&boot(&END, &["--initrd", "/nowhere"]), 125, &["loading /nowhere", "No such file"]);
    assert_fails(&boot(&END, &["--cmdline", &"x".repeat(4096)]), 125, &["command line"]);
    assert_fails(&boot(&[0x0f, 0x0b], &[]), 125, &["running the guest"]);
}
