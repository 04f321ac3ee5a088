//! `isolab-unikernel`: a guest that is the workload and nothing else. The tour is in `lib.rs`.
//!
//! What follows runs in ring 3, natively on every KVM backend. Its first instruction of consequence is the
//! mark *begin*. The kernel command line says what to do: `kind=cpu n=1000`, and `marks=serial` for a VMM
//! that has no mark port.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod boot;
#[allow(unsafe_code)]
mod entry;
mod serial;

use boot::Boot;
use core::hint::black_box;
use isolab_guest::command_line::{self, Options};
use isolab_guest::port::{halt, out};
use isolab_guest::ports::{ACPI, CROSS, EXIT, KEYBOARD, MARK, POWER_OFF, RESET};
use isolab_workload::kind::Kind;
use isolab_workload::{mark, work};
use serial::say;

const USAGE: &[u8] =
    b"isolab-unikernel: the command line must say: kind=noop | kind=cpu n=TURNS | kind=cross n=COUNT | \
      kind=touch n=MIB | kind=wait\n";
const MIB: usize = 1 << 20;

extern "C" fn start(address: u32, protocol: u32) -> ! {
    out(MARK, mark::BEGIN);
    let boot = Boot { address, protocol };
    let Options { kind, serial_marks } = command_line::parse(boot.command_line());
    let announce = |byte| {
        if serial_marks {
            say(&[byte]);
        }
    };
    announce(mark::BEGIN);
    let Some(kind) = kind else {
        say(USAGE);
        exit(2);
    };
    let mut checksum = None;
    match kind {
        Kind::Noop | Kind::Wait => {}
        // Not to be put off until the checksum is printed: the work ends before *ready*.
        Kind::Cpu(turns) => checksum = Some(black_box(work::cpu(turns))),
        Kind::Cross(count) => (0..count).for_each(|_| out(CROSS, 0)),
        Kind::Syscall(_) | Kind::Switch(_) | Kind::Fault(_) | Kind::Read(_) => {
            say(b"isolab-unikernel: a unikernel has no kernel to call; its border is the VMM: cross N\n");
            exit(2);
        }
        Kind::Touch(mib) => {
            let length = (mib as usize).checked_mul(MIB);
            let Some(memory) = length.and_then(|length| boot.free_memory().get_mut(..length)) else {
                say(b"isolab-unikernel: touch: the VM has less free memory than that\n");
                exit(1);
            };
            work::touch(memory);
        }
    }
    out(MARK, mark::READY);
    announce(mark::READY);
    if let Some(checksum) = checksum {
        say(&work::checksum_line(checksum));
    }
    if kind.holds() {
        halt();
    }
    out(MARK, mark::END);
    announce(mark::END);
    exit(0)
}

/// Ends the VM: by our own port, which is QEMU's `isa-debug-exit` too, or by the way out of the other VMMs.
fn exit(status: u8) -> ! {
    out(EXIT, status);
    out(KEYBOARD, RESET);
    out(ACPI, POWER_OFF);
    loop {
        halt();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    say(b"isolab-unikernel: a bug: it panicked\n");
    exit(101)
}
