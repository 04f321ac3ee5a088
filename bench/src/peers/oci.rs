//! The runtimes that have the OCI's usual command line: `runc`, `crun`, `youki`, `runsc` (gVisor), and ours.
//!
//! `PROGRAM --root STATE run --bundle BUNDLE NAME` makes the container, starts it, waits for it, and removes it
//! (runc(8), crun(1)). The state lies in the run's own folder, so that no other container is seen or touched.

use super::ask::ask;
use super::bundle;
use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, bare, with_a_kernel};
use isolab_timeline::{Peer, Stack, Workload};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// One runtime.
#[derive(Clone, Copy, Debug)]
pub struct Oci {
    /// Whose; `None`: ours, driven by the same command line.
    pub peer: Option<Peer>,
    /// What else it is told.
    pub options: &'static [&'static str],
}

impl Oci {
    /// Our own runtime, as an engine would start it.
    pub const OURS: Oci = Oci { peer: None, options: &[] };

    fn name(self) -> &'static str {
        self.peer.map_or("isolab-runtime", Peer::name)
    }

    fn state(self, ground: &Ground) -> PathBuf {
        ground.place(&format!("{}-state", self.name()))
    }

    /// The command up to the subcommand.
    fn begin(self, ground: &Ground) -> Result<Command, Refusal> {
        let program = self
            .peer
            .map_or_else(|| Ok(ground.programs.runtime.clone()), |peer| ground.peers.program(peer))?;
        let mut command = bare(&program);
        command.arg("--root").arg(self.state(ground)).args(self.options);
        Ok(command)
    }
}

impl Sandbox for Oci {
    fn stack(&self) -> Stack {
        self.peer.map_or(Stack::Container, Stack::Peer)
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        with_a_kernel(workload)?;
        let mut command = self.begin(ground)?;
        let name = ground.new_name(self.name());
        command
            .arg("run")
            .arg("--bundle")
            .arg(bundle::bundle(ground, self.name(), &name, workload)?)
            .arg(name);
        Ok(command)
    }

    fn fix(&self, complaint: &str) -> String {
        if complaint.contains("cgroup") {
            // crun's word on a host that mounts both versions and whose second has no controllers.
            "a host with cgroup v2, or `isolab emulate`".into()
        } else {
            "as its message says; or run as root".into()
        }
    }

    /// Whatever is left of the launches so far, by their bundles: a runtime may keep states under other names.
    fn sweep(&self, ground: &Ground) {
        let launches = format!("{}-{}-", ground.run_name(), self.name());
        for bundle in fs::read_dir(ground.folder()).into_iter().flatten().flatten() {
            let name = bundle.file_name();
            let of_ours = name.to_string_lossy().starts_with(&launches);
            if let Some(mut command) = of_ours.then(|| self.begin(ground).ok()).flatten() {
                command.args(["delete", "--force"]).arg(&name);
                // Most have gone by themselves. What cannot be removed is told of by the launch that failed.
                let _ = ask(command);
                let _ = fs::remove_dir_all(bundle.path());
            }
        }
    }
}
