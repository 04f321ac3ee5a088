//! `bwrap` (bubblewrap): all namespaces and the root folder, without a cgroup and without a system call filter
//! (bwrap(1)): it takes a filter only as compiled bytes, and its makers leave limits to others.

use super::bundle::{WORKLOAD, root};
use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, bare, with_a_kernel};
use isolab_timeline::{Peer, Stack, Workload};
use std::process::Command;

/// The sandbox under Flatpak.
#[derive(Debug)]
pub struct Bwrap;

impl Sandbox for Bwrap {
    fn stack(&self) -> Stack {
        Stack::Peer(Peer::Bwrap)
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        with_a_kernel(workload)?;
        let mut command = bare(&ground.peers.program(Peer::Bwrap)?);
        command
            .args(["--unshare-all", "--die-with-parent", "--ro-bind"])
            .arg(root(ground, "bwrap")?)
            .arg("/");
        command.args(["--proc", "/proc", "--dev", "/dev", "--", WORKLOAD]).args(workload.words());
        Ok(command)
    }

    fn fix(&self, _: &str) -> String {
        "as its message says; it needs root, or user namespaces".into()
    }
}
