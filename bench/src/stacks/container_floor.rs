//! `container-floor`: the barest program that makes the same container.

use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, bare, with_a_kernel};
use isolab_timeline::{Stack, Workload};
use std::ffi::OsString;
use std::process::Command;

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
        command.arg(ground.rootfs());
        for folder in ground.floor_groups() {
            let tasks = folder.join("tasks");
            let (way, path) = if tasks.exists() { ("v1:", tasks) } else { ("v2:", folder.into()) };
            let mut join = OsString::from(way);
            join.push(path);
            command.arg(join);
        }
        command.args(["--", "/isolab-workload"]).args(workload.words());
        Ok(command)
    }

    fn fix(&self, complaint: &str) -> String {
        // EPERM, as the floor prints it.
        let forbidden = complaint.contains("errno 001");
        if forbidden { "run as root: the floor makes no user namespace" } else { "see `isolab doctor`" }
            .into()
    }
}
