//! `container`: the workload in a container of `isolab-runtime`, with limits where the host gives them.

use crate::ground::{Ground, LIMITS};
use crate::sandbox::{Sandbox, bare, with_a_kernel};
use isolab_timeline::{Stack, Workload};
use std::process::Command;

/// The container runtime of this project.
#[derive(Debug)]
pub struct Container;

impl Sandbox for Container {
    fn stack(&self) -> Stack {
        Stack::Container
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, String> {
        with_a_kernel(workload)?;
        let mut command = bare(&ground.programs.runtime);
        command.args(["run", "--timeline", "--rootfs"]).arg(ground.rootfs());
        if ground.without_limits.is_none() {
            let limits = [
                ("--memory", LIMITS.memory.map(|bytes| bytes.to_string())),
                ("--cpus", LIMITS.cpus.map(|cpus| cpus.to_string())),
                ("--pids", LIMITS.pids.map(|pids| pids.to_string())),
            ];
            for (option, value) in limits {
                command.args(value.iter().flat_map(|value| [option, value]));
            }
        }
        command.args(["--", "/isolab-workload"]).args(workload.words());
        Ok(command)
    }

    fn fix(&self, complaint: &str) -> String {
        // The runtime's own errors end with what to do.
        if complaint.is_empty() {
            "run `isolab doctor`".into()
        } else {
            "as its message says; or run as root".into()
        }
    }
}
