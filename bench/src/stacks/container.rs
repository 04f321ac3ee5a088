//! `container`: the workload in a container of `isolab-runtime`, with limits where the host gives them.

use crate::ground::{Ground, LIMITS};
use crate::sandbox::{Refusal, Sandbox, bare, with_a_kernel};
use isolab_timeline::{Stack, Workload};
use std::process::Command;

/// The limits of a measured container, as the runtime's options.
pub(super) fn limits() -> impl Iterator<Item = String> {
    let limits = [
        ("--memory", LIMITS.memory.map(|bytes| bytes.to_string())),
        ("--cpus", LIMITS.cpus.map(|cpus| cpus.to_string())),
        ("--pids", LIMITS.pids.map(|pids| pids.to_string())),
    ];
    limits.into_iter().filter_map(|(option, value)| Some([option.into(), value?])).flatten()
}

/// The container runtime of this project.
#[derive(Debug)]
pub struct Container;

impl Sandbox for Container {
    fn stack(&self) -> Stack {
        Stack::Container
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        with_a_kernel(workload)?;
        let mut command = bare(&ground.programs.runtime);
        command.args(["contain", "--timeline", "--rootfs"]).arg(ground.rootfs());
        if ground.without_limits.is_none() {
            command.args(limits());
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
