//! `process`: nothing stands between the workload and the machine. The control.

use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, bare, with_a_kernel};
use isolab_timeline::{Stack, Workload};
use std::process::Command;

/// The bare program.
#[derive(Debug)]
pub struct Process;

impl Sandbox for Process {
    fn stack(&self) -> Stack {
        Stack::Process
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        with_a_kernel(workload)?;
        let mut command = bare(&ground.programs.workload);
        command.args(workload.words());
        Ok(command)
    }

    fn fix(&self, _: &str) -> String {
        "see whether this host runs static x86-64 programs at all".into()
    }
}
