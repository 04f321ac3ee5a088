//! `container-floor`: the barest program that makes the same container.

use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, bare, with_a_kernel};
use isolab_timeline::{Stack, Workload};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// EPERM, as the floor prints it.
pub(crate) const FORBIDDEN: &str = "errno 001";

/// The yardstick of `container`.
#[derive(Debug)]
pub struct ContainerFloor;

impl Sandbox for ContainerFloor {
    fn stack(&self) -> Stack {
        Stack::ContainerFloor
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        with_a_kernel(workload)?;
        let mut command = bare(&ground.programs.container_floor);
        command.arg(ground.rootfs()).args(["pid", "mount", "ipc", "uts", "net"]).args(joins(ground));
        command.args(["cgroup", "overlay", "--", "/isolab-workload"]).args(workload.words());
        Ok(command)
    }

    fn fix(&self, complaint: &str) -> String {
        let forbidden = complaint.contains(FORBIDDEN);
        if forbidden { "run as root: the floor makes no user namespace" } else { "see `isolab doctor`" }
            .into()
    }
}

/// The words by which the floor joins the run's cgroup: the cheapest way of this host.
pub(crate) fn joins(ground: &Ground) -> Vec<OsString> {
    let join = |folder: &Path| {
        let tasks = folder.join("tasks");
        let (way, path) = if tasks.exists() { ("v1:", tasks) } else { ("v2:", folder.into()) };
        let mut join = OsString::from(way);
        join.push(path);
        join
    };
    ground.floor_groups().map(join).collect()
}
