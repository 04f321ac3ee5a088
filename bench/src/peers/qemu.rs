//! `qemu-system-x86_64` with its `microvm` machine, which QEMU's manual ("System Emulation", "microvm virtual
//! platform") offers for short-lived guests. The kernel is entered by its PVH note. The guest ends it by the device
//! `isa-debug-exit`, which doubles the guest's status and adds one.

use super::guest::{Files, Guest};
use crate::ground::Ground;
use crate::host;
use crate::sandbox::{Refusal, Sandbox, bare};
use isolab_timeline::{Peer, Stack, Workload};
use std::process::Command;

/// As in the manual of the `microvm` machine, without ACPI, which these guests do not need.
pub const MACHINE: &str = "microvm,acpi=off";
/// And with what that page says can be left out: the PC's old devices and option ROMs. The serial port stays: it is
/// the guest's console.
pub const LEAST: &str = "microvm,acpi=off,x-option-roms=off,pit=off,pic=off,rtc=off";

/// What the status means when QEMU ends by itself: the guest did not say that it was done.
const NOT_BY_THE_GUEST: i32 = 125;

/// QEMU.
#[derive(Clone, Copy, Debug)]
pub struct Qemu {
    /// What it boots.
    pub guest: Guest,
    /// The machine and its options.
    pub machine: &'static str,
}

impl Qemu {
    const fn peer(&self) -> Peer {
        match self.guest {
            Guest::Bare => Peer::Qemu,
            Guest::Linux => Peer::QemuLinux,
        }
    }
}

impl Sandbox for Qemu {
    fn stack(&self) -> Stack {
        Stack::Peer(self.peer())
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        let mut command = bare(&ground.peers.program(self.peer())?);
        let Files { kernel, initrd, line } = self.guest.files(ground, workload)?;
        // KVM that emulates a guest's kernel does not have all that the host's CPU has.
        let cpu = if host::guest_kernel() == "emulated" { "qemu64" } else { "host" };
        command.args(["-M", self.machine, "-enable-kvm", "-cpu", cpu, "-m", &ground.memory_mib.to_string()]);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
        command.args(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]);
        command.arg("-kernel").arg(kernel).args(["-append", &line]);
        if let Some(initrd) = initrd {
            command.arg("-initrd").arg(initrd);
        }
        Ok(command)
    }

    fn fix(&self, _: &str) -> String {
        "as its message says; `isolab doctor` tells more of KVM".into()
    }

    fn status(&self, command: i32) -> i32 {
        match command {
            0 => NOT_BY_THE_GUEST,
            // Odd below 128: the guest's. Above: a signal's.
            doubled if doubled < 128 && doubled % 2 == 1 => doubled / 2,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guests_status_is_read_from_qemus() {
        let qemu = Qemu { guest: Guest::Bare, machine: MACHINE };
        let of = |command| qemu.status(command);
        assert_eq!((of(1), of(3), of(127)), (0, 1, 63));
        assert_eq!(of(137), 137, "a signal");
        assert_eq!(of(0), NOT_BY_THE_GUEST);
    }
}
