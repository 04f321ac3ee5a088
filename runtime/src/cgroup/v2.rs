//! Version 2: one hierarchy for all controllers (the kernel's `Documentation/admin-guide/cgroup-v2.rst`).
//!
//! A group's controllers must be enabled in the group above it (`cgroup.subtree_control`), and a group
//! with enabled controllers holds no processes itself, but for the root. So isolab's folder is made in
//! the nearest group above this process that may be written and allows it: the root for root, and for a
//! user what the host's manager delegated. A new process starts *in* its group (`CLONE_INTO_CGROUP`,
//! `clone3(2)`), which waits for no grace period.

use super::detect::Tree;
use super::{CPU_PERIOD_US, Controller, FOLDER, Limit, refused, writable};
use crate::error::Error;
use rustix::process::geteuid;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder for isolab's groups, with `controllers` enabled for them; made if it is missing.
pub(crate) fn prepare(tree: &Tree, controllers: &[Controller]) -> Result<PathBuf, Error> {
    let mut why = None;
    for base in bases(tree) {
        match usable(base).and_then(|()| enable(base, controllers)) {
            Ok(folder) => return Ok(folder),
            // The nearest group's reason is the one that its user can do something about.
            Err(error) => {
                why.get_or_insert_with(|| format!("{}: {error}", base.display()));
            }
        }
    }
    let controller = controllers.first().copied().unwrap_or(Controller::Memory);
    Err(refused(controller, format!("no cgroup can be made (v2) in {}", why.unwrap_or_default())))
}

/// As [`prepare`], as far as permissions tell.
pub(crate) fn can_create(tree: &Tree, controller: Controller) -> Result<(), Error> {
    let mut why = None;
    for base in bases(tree) {
        let has = || match listed(&base.join("cgroup.controllers"), &[controller]) {
            Ok(true) => Ok(()),
            Ok(false) => Err(io::Error::other(format!("it was not given the controller {controller}"))),
            Err(error) => Err(error),
        };
        match usable(base).and_then(|()| has()) {
            Ok(()) => return Ok(()),
            Err(error) => {
                why.get_or_insert_with(|| format!("{}: {error}", base.display()));
            }
        }
    }
    Err(refused(controller, format!("no cgroup can be made (v2) in {}", why.unwrap_or_default())))
}

/// Root: the root of all in view. Then, and for everybody else, the groups above this process, nearest first.
fn bases(tree: &Tree) -> impl Iterator<Item = &Path> {
    let root = geteuid().is_root().then_some(&*tree.mount);
    root.into_iter().chain(tree.own.ancestors().take_while(|folder| folder.starts_with(&tree.mount)))
}

fn usable(base: &Path) -> io::Result<()> {
    writable(base)?;
    // A process may move only below a group whose list of processes it may write.
    Ok(writable(&base.join("cgroup.procs"))?)
}

fn enable(base: &Path, controllers: &[Controller]) -> io::Result<PathBuf> {
    let folder = base.join(FOLDER);
    let switch = |group: &Path| group.join("cgroup.subtree_control");
    // The usual case: an earlier run has done it all.
    if listed(&switch(&folder), controllers).is_ok_and(|all| all) {
        return Ok(folder);
    }
    let words: Vec<String> = controllers.iter().map(|controller| format!("+{controller}")).collect();
    if !listed(&switch(base), controllers)? {
        fs::write(switch(base), words.join(" "))?;
    }
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => fs::write(switch(&folder), words.join(" "))?,
    }
    Ok(folder)
}

/// Whether the file lists all of `controllers`.
fn listed(file: &Path, controllers: &[Controller]) -> io::Result<bool> {
    let names = fs::read_to_string(file)?;
    Ok(controllers.iter().all(|controller| names.split_whitespace().any(|name| name == controller.name())))
}

/// The files to write: name, value, and whether every kernel has it.
pub(crate) fn settings(limit: Limit) -> Vec<(&'static str, String, bool)> {
    match limit {
        Limit::Memory(bytes) => {
            vec![("memory.max", bytes.to_string(), true), ("memory.swap.max", "0".into(), false)]
        }
        Limit::Cpu(quota) => vec![("cpu.max", format!("{quota} {CPU_PERIOD_US}"), true)],
        Limit::Pids(count) => vec![("pids.max", count.to_string(), true)],
    }
}
