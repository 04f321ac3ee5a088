//! `docker`: the client of an engine whose daemon starts the container (docker-run(1)). The daemon is the user's: it
//! runs already, and `DOCKER_HOST` says where. The root folder becomes an image once (`docker import`), before
//! anything is timed, and goes with the run.

use super::ask::ask;
use super::bundle::{WORKLOAD, root};
use super::engine;
use super::found::Found;
use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, with_a_kernel};
use isolab_timeline::{Peer, Stack, Workload};
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Command;

/// Docker Engine, on the runtime that its daemon has as default.
#[derive(Debug)]
pub struct Docker;

const FIX: &str = "start Docker's daemon, and say where it is with DOCKER_HOST";

/// Says that the daemon has the image.
const ARCHIVE: &str = "docker-image.tar";

fn begin(programs: &Found) -> Result<Command, Refusal> {
    Ok(engine::client(&programs.program(Peer::Docker)?))
}

/// The name of the image, which is made when it is first asked for.
fn image(ground: &Ground) -> Result<String, Refusal> {
    let (archive, name) = (ground.place(ARCHIVE), ground.run_name());
    if archive.exists() {
        return Ok(name);
    }
    let refusal =
        |why: String| Refusal { reason: format!("its image cannot be made: {why}"), fix: FIX.into() };
    let unfinished = archive.with_extension("unfinished");
    pack(&root(ground, "docker")?, &unfinished).map_err(|error| refusal(error.to_string()))?;
    let mut import = begin(&ground.peers)?;
    import.arg("import").arg(&unfinished).arg(&name);
    ask(import).map_err(refusal)?;
    ground.at_end(remove(&ground.peers, &name)?);
    std::fs::rename(&unfinished, &archive).map_err(|error| refusal(error.to_string()))?;
    Ok(name)
}

/// The command that removes the image.
fn remove(programs: &Found, name: &str) -> Result<Command, Refusal> {
    let mut remove = begin(programs)?;
    remove.args(["rmi", "--force", name]);
    Ok(remove)
}

fn pack(root: &Path, to: &Path) -> io::Result<()> {
    let mut archive = tar::Builder::new(File::create(to)?);
    archive.append_dir_all(".", root)?;
    archive.finish()
}

impl Sandbox for Docker {
    fn stack(&self) -> Stack {
        Stack::Peer(Peer::Docker)
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        with_a_kernel(workload)?;
        let image = image(ground)?;
        let mut command = begin(&ground.peers)?;
        command.args(["run", "--rm", "--interactive", "--network=none", "--read-only", "--name"]);
        command.arg(ground.new_name("docker")).args(engine::limits(ground));
        command.arg(image).arg(WORKLOAD).args(workload.words());
        Ok(command)
    }

    fn fix(&self, _: &str) -> String {
        format!("as its message says; {FIX}")
    }

    fn sweep(&self, ground: &Ground) {
        // What cannot be removed is told of by the launch that failed.
        let _ = engine::sweep(|| begin(&ground.peers), &ground.run_name());
    }
}

/// Removes what is left of a run whose lab was killed.
pub(super) fn bury(run: &Path, name: &str) -> Result<(), String> {
    if !run.join(ARCHIVE).exists() {
        return Ok(());
    }
    let programs = Found::default();
    engine::sweep(|| begin(&programs), name)?;
    ask(remove(&programs, name).map_err(|refusal| refusal.reason)?).map(drop)
}
