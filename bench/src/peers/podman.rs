//! `podman`: an engine without a daemon, which starts a low-level runtime itself (podman-run(1)). It takes the root
//! folder as it is (`--rootfs`), so no image is stored.

use super::bundle::{WORKLOAD, root};
use super::engine;
use super::found::{Found, along_path};
use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, with_a_kernel};
use isolab_timeline::{Peer, Stack, Workload};
use std::path::Path;
use std::process::Command;

/// Podman, on runc where there is one.
#[derive(Debug)]
pub struct Podman;

const STORAGE: &str = "podman-storage";

/// Storage, state and events in the run's folder: neither does it see the user's containers, nor they it.
fn begin(programs: &Found, run: &Path) -> Result<Command, Refusal> {
    let mut command = engine::client(&programs.program(Peer::Podman)?);
    for (option, folder) in [("--root", STORAGE), ("--runroot", "podman-run"), ("--tmpdir", "podman-tmp")] {
        command.arg(option).arg(run.join(folder));
    }
    command.args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"]);
    if let Some(runc) = along_path("runc") {
        command.arg("--runtime").arg(runc);
    }
    Ok(command)
}

impl Sandbox for Podman {
    fn stack(&self) -> Stack {
        Stack::Peer(Peer::Podman)
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        with_a_kernel(workload)?;
        let mut command = begin(&ground.peers, ground.folder())?;
        command.args(["run", "--rm", "--interactive", "--network=none", "--read-only", "--name"]);
        command.arg(ground.new_name("podman"));
        // Its own default would raise these limits, which not every root may.
        command.args(["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]).args(engine::limits(ground));
        command.arg("--rootfs").arg(root(ground, "podman")?).arg(WORKLOAD).args(workload.words());
        Ok(command)
    }

    fn fix(&self, _: &str) -> String {
        "as its message says".into()
    }

    fn sweep(&self, ground: &Ground) {
        // What cannot be removed is told of by the launch that failed.
        let _ = engine::sweep(|| begin(&ground.peers, ground.folder()), &ground.run_name());
    }
}

/// Removes what is left of a run whose lab was killed.
pub(super) fn bury(run: &Path, name: &str) -> Result<(), String> {
    if !run.join(STORAGE).exists() {
        return Ok(());
    }
    engine::sweep(|| begin(&Found::default(), run), name)
}
