//! `isolab-microvm boot`, with kernels of a few bytes on the real `/dev/kvm`: they find what Linux finds.

mod common;

use common::{assert_fails, elf, file, kvm, microvm};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
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

#[test]
fn the_second_request_to_end_ends_a_guest_that_does_not_listen() {
    if !kvm("the_second_request_to_end_ends_a_guest_that_does_not_listen") {
        return;
    }
    // A mark, and a guest that runs for ever; one that halts for ever.
    for rest in [[0xeb, 0xfe, 0x90], [0xf4, 0xeb, 0xfd]] {
        let kernel = file(&elf(&[&[0xb0, 6, 0xe6, 0xe9][..], &rest].concat()));
        let mut child = command(kernel.path(), &["--marks"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut mark = [0];
        child.stdout.as_mut().unwrap().read_exact(&mut mark).unwrap();
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::USR1).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        // Two of the same kind that nobody has taken yet are one.
        kill_process(pid, Signal::INT).unwrap();
        assert!([130, 143].contains(&child.wait().unwrap().code().unwrap()));
    }
}

#[test]
fn a_signal_arrives_at_the_second_port() {
    if !kvm("a_signal_arrives_at_the_second_port") {
        return;
    }
    let mut code = Vec::new();
    for (port, byte) in [(0x2f9_u16, 1), (0x2fc, 2)] {
        code.extend([0x66, 0xba]); // mov dx, port; mov al, byte; out dx, al
        code.extend(port.to_le_bytes());
        code.extend([0xb0, byte, 0xee]);
    }
    code.extend([0xb0, 6, 0xe6, 0xe9]); // a mark
    code.extend([0x66, 0xba, 0xfd, 0x02, 0xec, 0xa8, 1, 0x74, 0xfb]); // mov dx, 0x2fd; in al, dx; test al, 1; jz
    code.extend([0x66, 0xba, 0xf8, 0x02, 0xec]); // mov dx, 0x2f8; in al, dx
    code.extend(END);
    let kernel = file(&elf(&code));
    let mut child = command(kernel.path(), &["--marks"]).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(Signal::HUP.as_raw()));
}

#[test]
fn the_power_switch_ends_the_vm() {
    if !kvm("the_power_switch_ends_the_vm") {
        return;
    }
    // mov dx, 0x600; mov al, 0x34; out dx, al; hlt
    assert_eq!(boot(&[0x66, 0xba, 0, 6, 0xb0, 0x34, 0xee, 0xf4], &[]).status.code(), Some(0));
}

#[test]
fn a_kernel_is_entered_by_pvh_only_if_it_says_where() {
    if !kvm("a_kernel_is_entered_by_pvh_only_if_it_says_where") {
        return;
    }
    assert_fails(&boot(&END, &["--protocol", "pvh"]), 125, &["loading", "no entry for PVH"]);
    let output = boot(&END, &["--protocol", "bios"]);
    assert_eq!(output.status.code(), Some(125), "{output:?}");
    if let Some(unikernel) =
        common::unikernel("a_kernel_is_entered_by_pvh_only_if_it_says_where (of the unikernel)")
    {
        let output = command(&unikernel, &["--protocol", "pvh", "--cmdline", "kind=noop"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[test]
fn a_guest_that_floods_its_console_can_be_ended_though_nobody_reads() {
    if !kvm("a_guest_that_floods_its_console_can_be_ended_though_nobody_reads") {
        return;
    }
    let kernel = file(&elf(&[0x66, 0xba, 0xf8, 0x03, 0xb0, b'x', 0xee, 0xeb, 0xfd])); // mov dx, 0x3f8; mov al, 'x'; out; jmp
    let mut child = command(kernel.path(), &[]).stdout(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    let mut waiting = 0;
    while waiting < 60_000 {
        waiting = rustix::io::ioctl_fionread(&output).unwrap();
        std::thread::yield_now();
    }
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert!([130, 143].contains(&child.wait().unwrap().code().unwrap()));
    drop(output);
}

#[test]
fn a_guest_may_access_every_port_in_every_width() {
    if !kvm("a_guest_may_access_every_port_in_every_width") {
        return;
    }
    // With interrupts masked, as it was entered: zeros out and anything in, at all ports below 0x1000 but the one that
    // would end it.
    let mut code = vec![0x31, 0xd2]; // xor edx, edx
    code.extend([0x81, 0xfa, 0xf4, 0, 0, 0, 0x74, 10]); // cmp edx, 0xf4; je, to the inc
    code.extend([0x31, 0xc0, 0xee, 0x66, 0xef, 0xef]); // xor eax, eax; out dx, al; ax; eax
    code.extend([0xec, 0x66, 0xed, 0xed]); // in al, dx; ax; eax
    code.extend([0xff, 0xc2, 0x81, 0xfa, 0, 0x10, 0, 0, 0x75, 0xe4]); // inc edx; cmp edx, 0x1000; jne, to the cmp
    code.extend([0xb0, 7]); // mov al, 7
    code.extend(END);
    let output = boot(&code, &[]);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
}
