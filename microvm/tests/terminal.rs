//! The terminal on standard input, by a pseudo-terminal (`pty(7)`): raw while a guest has it, and afterwards as it
//! was, however the VMM ends.

mod common;

use common::{elf, file, kvm, microvm};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Stdio;

/// How a guest with this code is ended, and which statuses the VMM may have then.
type End<'a> = (&'a str, &'a [u8], &'a [i32], &'a dyn Fn(Pid));

/// The local modes of `terminal`, which are those that raw mode changes most.
fn modes(terminal: &OwnedFd) -> LocalModes {
    tcgetattr(terminal).unwrap().local_modes
}

#[test]
fn the_terminal_is_raw_while_the_guest_runs_and_then_as_it_was() {
    if !kvm("the_terminal_is_raw_while_the_guest_runs_and_then_as_it_was") {
        return;
    }
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    let terminal =
        open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let before = modes(&terminal);
    assert!(before.contains(LocalModes::ICANON | LocalModes::ECHO));

    let press = |keys: &[u8]| assert_eq!(rustix::io::write(&controller, keys).unwrap(), keys.len());
    let kill = |pid, signals: &[Signal]| {
        for &signal in signals {
            kill_process(pid, signal).unwrap();
        }
    };
    // A mark; then a guest that runs for ever, and one that ends at the first key.
    let busy = [0xb0, 6, 0xe6, 0xe9, 0xeb, 0xfe].to_vec(); // mov al, 6; out 0xe9, al; jmp
    let mut key = vec![0x66, 0xba, 0xf9, 0x03, 0xb0, 1, 0xee]; // mov dx, 0x3f9; mov al, 1; out dx, al
    key.extend([0x66, 0xba, 0xfc, 0x03, 0xb0, 3, 0xee]); // mov dx, 0x3fc; mov al, 3; out dx, al
    key.extend([0xb0, 6, 0xe6, 0xe9]); // a mark
    key.extend([0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 1, 0x74, 0xfb]); // mov dx, 0x3fd; in al, dx; test al, 1; jz
    key.extend([0x66, 0xba, 0xf8, 0x03, 0xec, 0xe6, 0xf4]); // mov dx, 0x3f8; in al, dx; out 0xf4, al
    let ends: [End<'_>; 4] = [
        ("the guest's end", &key, &[b'k'.into()], &|_| press(b"k")),
        ("Ctrl-A x", &busy, &[143], &|_| press(b"\x01x")),
        ("two signals", &busy, &[130, 143], &|pid| kill(pid, &[Signal::TERM, Signal::INT])),
        // What the kernel sends when a system call is refused.
        ("the filter's end", &busy, &[125], &|pid| kill(pid, &[Signal::SYS])),
    ];
    for (how, code, statuses, end) in ends {
        eprintln!("{how}");
        let kernel = file(&elf(code));
        let mut command = microvm(["boot", "--marks", "--memory", "4", "--kernel"]);
        command.arg(kernel.path()).stdin(Stdio::from(terminal.try_clone().unwrap())).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        assert!(!modes(&terminal).intersects(LocalModes::ICANON | LocalModes::ECHO), "{how}");
        end(Pid::from_child(&child));
        assert!(statuses.contains(&child.wait().unwrap().code().unwrap()), "{how}");
        assert_eq!(modes(&terminal), before, "{how}");
    }
}
