//! Version 1: one hierarchy a controller (the kernel's `Documentation/admin-guide/cgroup-v1/`).
//!
//! Moving a process into a group makes the kernel wait for a grace period of its CPUs, 10 ms and more;
//! a process with one thread that writes `0` to the group's `tasks` file moves only itself and waits
//! for nothing. So the runtime opens the file and the container's first process writes it.

pub(super) mod block_io;
pub(super) mod settings;

use super::detect::{Tree, read_at_once};
use super::setting::write_file;
use super::{refused, writable};
use crate::error::{Context, Error};
use std::path::{Path, PathBuf};

/// The group below which a new one is made: the topmost in view, or else the one that this process is in.
pub(crate) fn base(tree: &Tree, controller: &str) -> Result<PathBuf, Error> {
    match writable(&tree.mount) {
        Ok(()) => Ok(tree.mount.clone()),
        Err(error) => {
            let own = tree.own();
            if writable(&own).is_ok() {
                return Ok(own);
            }
            let path = tree.mount.display();
            Err(refused(controller, format!("no cgroup can be made in {path} (v1): {error}")))
        }
    }
}

/// Gives a new group of the cpuset controller the CPUs and memory nodes of the one above. It is made with
/// none, and no process can join a group that has no CPU to run on. Nor has the one above if another
/// container's runtime has made it this very moment.
pub(super) fn inherit_cpuset(folder: &Path) -> Result<(), Error> {
    let Some(parent) = folder.parent() else { return Ok(()) };
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let file = parent.join(name);
        let mut list = read_at_once(&file).at("reading", &file)?;
        if list.trim_ascii().is_empty() {
            inherit_cpuset(parent)?;
            list = read_at_once(&file).at("reading", &file)?;
        }
        let file = folder.join(name);
        write_file(&file, &list).at("writing", &file)?;
    }
    Ok(())
}
