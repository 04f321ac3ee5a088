//! `firecracker`, without its API socket, from a configuration file, as its makers' "Getting started" shows for a
//! start in one step. It enters a kernel by PVH or by the Linux 64-bit protocol, and ends at a reset by the
//! keyboard controller. The guest's serial port is its standard output, so its own log goes elsewhere.

use super::guest::{Files, Guest};
use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, bare};
use isolab_timeline::{Peer, Stack, Workload};
use serde_json::json;
use std::fs;
use std::process::Command;

/// Firecracker.
#[derive(Clone, Copy, Debug)]
pub struct Firecracker(pub Guest);

impl Firecracker {
    const fn peer(self) -> Peer {
        match self.0 {
            Guest::Bare => Peer::Firecracker,
            Guest::Linux => Peer::FirecrackerLinux,
        }
    }
}

impl Sandbox for Firecracker {
    fn stack(&self) -> Stack {
        Stack::Peer(self.peer())
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        let program = ground.peers.program(self.peer())?;
        let Files { kernel, initrd, line } = self.0.files(ground, workload)?;
        let mut source = json!({ "kernel_image_path": kernel, "boot_args": line });
        if let Some(initrd) = initrd {
            source["initrd_path"] = json!(initrd);
        }
        let machine = json!({ "vcpu_count": 1, "mem_size_mib": ground.memory_mib });
        let config = json!({ "boot-source": source, "machine-config": machine, "drives": [] });
        let file = ground.place(&format!("{}-{}.json", self.peer(), workload.words().join("-")));
        fs::write(&file, config.to_string()).map_err(|error| Refusal {
            reason: format!("its configuration cannot be written: {error}"),
            fix: "as the message says".into(),
        })?;
        let mut command = bare(&program);
        command.args(["--no-api", "--log-path", "/dev/null", "--level", "Error", "--config-file"]).arg(file);
        Ok(command)
    }

    fn fix(&self, _: &str) -> String {
        "as its message says; `isolab doctor` tells more of KVM".into()
    }
}
