//! `process`: nothing stands between the workload and the machine. The control.

use crate::ground::Ground;
use crate::sandbox::{Sandbox, bare};
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use std::process::Command;

/// The bare program.
#[derive(Debug)]
pub struct Process;

/// What every stack with a kernel has: all work but the unikernel's own.
pub(crate) fn with_a_kernel(workload: Workload) -> Result<(), String> {
    match workload.0 {
        Kind::Cross(_) => {
            Err("only a unikernel crosses into its VMM; with a kernel, the border is `syscall`".into())
        }
        _ => Ok(()),
    }
}

impl Sandbox for Process {
    fn stack(&self) -> Stack {
        Stack::Process
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, String> {
        with_a_kernel(workload)?;
        let mut command = bare(&ground.programs.workload);
        command.args(workload.words());
        Ok(command)
    }

    fn fix(&self, _: &str) -> String {
        "see whether this host runs static x86-64 programs at all".into()
    }
}
