//! A sandbox is how to start one stack: a command to build, and a way to try whether it works here.

use crate::ground::Ground;
use crate::instance::{Launched, Launcher};
use crate::samples::Unavailable;
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use std::io;
use std::process::Command;

/// How to start one stack.
pub trait Sandbox {
    /// Which stack this is.
    fn stack(&self) -> Stack;

    /// The command that runs `workload` in this stack; its environment is empty.
    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal>;

    /// What to do when a launch failed with this complaint.
    fn fix(&self, complaint: &str) -> String;

    /// The workload's exit status, where the command ended with this one.
    fn status(&self, command: i32) -> i32 {
        command
    }

    /// Removes what a launch has left that was killed, where its own end does not.
    fn sweep(&self, _: &Ground) {}
}

/// Launches `command`, which is this sandbox's, and sees that nothing is left of a launch that failed.
pub fn launch(
    sandbox: &dyn Sandbox,
    command: Command,
    ground: &Ground,
    launcher: &Launcher,
) -> io::Result<Launched> {
    let launch = launcher.run_as(command, &|status| sandbox.status(status))?;
    if launch.invalid.is_some() {
        sandbox.sweep(ground);
    }
    Ok(launch)
}

/// Why a stack has no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why not.
    pub reason: String,
    /// What to do about it.
    pub fix: String,
}

impl Refusal {
    /// The stack does not have such work.
    pub(crate) fn workload(reason: &str) -> Refusal {
        Refusal { reason: reason.into(), fix: "choose another --workload".into() }
    }
}

/// Tries the real thing: launches nothing-to-do in this sandbox, once. Files and features prove little;
/// a launch proves all.
pub fn probe(
    sandbox: &dyn Sandbox,
    ground: &Ground,
    launcher: &Launcher,
    workload: Workload,
) -> Result<(), Unavailable> {
    let unavailable = |reason: String, fix: String| Unavailable { stack: sandbox.stack(), reason, fix };
    let build = |workload| {
        sandbox.command(ground, workload).map_err(|refusal| unavailable(refusal.reason, refusal.fix))
    };
    build(workload)?;
    let command = build(Workload(Kind::Noop))?;
    let launch = launch(sandbox, command, ground, launcher).map_err(|error| {
        let fix = if sandbox.stack().is_peer() {
            "install it anew"
        } else {
            "build the programs with `cargo build`"
        };
        unavailable(format!("it cannot be started: {error}"), fix.into())
    })?;
    match launch.invalid {
        None => Ok(()),
        Some(reason) => Err(unavailable(reason, sandbox.fix(&launch.complaint))),
    }
}

/// A command that starts with an empty environment, so that all stacks start alike.
pub(crate) fn bare(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command
}

/// What every stack with a kernel has: all work but the unikernel's own.
pub(crate) fn with_a_kernel(workload: Workload) -> Result<(), Refusal> {
    match workload.0 {
        Kind::Cross(_) => Err(Refusal::workload(
            "only a unikernel crosses into its VMM; with a kernel, the border is `syscall`",
        )),
        _ => Ok(()),
    }
}
