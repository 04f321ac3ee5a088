//! `cloud-hypervisor`, all of it on the command line, as its makers' README shows. It enters a kernel by its PVH
//! note, and ends at a write to its ACPI shutdown port. The serial port is its terminal, and the virtio console,
//! which would be a device more, is off.

use super::guest::{Files, Guest};
use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, bare};
use isolab_timeline::{Peer, Stack, Workload};
use std::process::Command;

/// Cloud Hypervisor.
#[derive(Clone, Copy, Debug)]
pub struct CloudHypervisor(pub Guest);

impl CloudHypervisor {
    const fn peer(self) -> Peer {
        match self.0 {
            Guest::Bare => Peer::CloudHypervisor,
            Guest::Linux => Peer::CloudHypervisorLinux,
        }
    }
}

impl Sandbox for CloudHypervisor {
    fn stack(&self) -> Stack {
        Stack::Peer(self.peer())
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        let mut command = bare(&ground.peers.program(self.peer())?);
        let Files { kernel, initrd, line } = self.0.files(ground, workload)?;
        command.arg("--kernel").arg(kernel).args(["--cmdline", &line]);
        if let Some(initrd) = initrd {
            command.arg("--initramfs").arg(initrd);
        }
        command.args(["--cpus", "boot=1", "--memory", &format!("size={}M", ground.memory_mib)]);
        command.args(["--serial", "tty", "--console", "off"]);
        Ok(command)
    }

    fn fix(&self, _: &str) -> String {
        "as its message says; `isolab doctor` tells more of KVM".into()
    }
}
