//! Version 2: one hierarchy for all controllers (the kernel's `Documentation/admin-guide/cgroup-v2.rst`).
//!
//! A group's controllers must be enabled in the group above it (`cgroup.subtree_control`), and a group
//! with enabled controllers holds no processes itself, but for the root. So isolab's folder is made in
//! the nearest group above this process that may be written and allows it: the root for root, and for a
//! user what the host's manager delegated. A new process starts *in* its group (`CLONE_INTO_CGROUP`,
//! `clone3(2)`), which waits for no grace period.

pub(super) mod block_io;
pub(super) mod settings;

use super::detect::{Tree, read_whole};
use super::setting::write_file;
use super::{FOLDER, refused, writable};
use crate::error::Error;
use crate::privilege::is_host_root;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The group in which isolab's folder lies, or can be made with `controllers` enabled below it; and whether
/// they are enabled there: by an earlier run, which is the usual case. `ready`: those at the top that are.
pub(crate) fn base(tree: &Tree, controllers: &[String], ready: &[String]) -> Result<(PathBuf, bool), Error> {
    let all = !controllers.is_empty() && controllers.iter().all(|each| ready.contains(each));
    if all && is_host_root() && writable(&tree.mount).is_ok() {
        return Ok((tree.mount.clone(), true));
    }
    let mut why = None;
    for base in bases(tree) {
        match usable(&base, controllers) {
            Ok(()) => return Ok((base, false)),
            // The nearest group's reason is the one that its user can do something about.
            Err(error) => {
                why.get_or_insert_with(|| format!("{}: {error}", base.display()));
            }
        }
    }
    let controller = controllers.first().map_or("cgroup", String::as_str);
    Err(refused(controller, format!("no cgroup can be made (v2) in {}", why.unwrap_or_default())))
}

/// Root: the root of all in view. Then, and for everybody else, the groups above this process, nearest first.
fn bases(tree: &Tree) -> impl Iterator<Item = PathBuf> {
    let root = is_host_root().then(|| tree.mount.clone());
    let upwards = || {
        let own = tree.own();
        let folders = own.ancestors().take_while(|folder| folder.starts_with(&tree.mount));
        folders.map(Path::to_owned).collect::<Vec<_>>()
    };
    root.into_iter().chain(std::iter::once_with(upwards).flatten())
}

fn usable(base: &Path, controllers: &[String]) -> io::Result<()> {
    writable(base)?;
    // A process may move only below a group whose list of processes it may write.
    writable(&base.join("cgroup.procs"))?;
    // An earlier run has enabled it all.
    if listed(&base.join(FOLDER).join("cgroup.subtree_control"), controllers).is_ok_and(|all| all) {
        return Ok(());
    }
    let here = self::controllers(base);
    if let Some(missing) = controllers.iter().find(|controller| !here.contains(controller)) {
        return Err(io::Error::other(format!("it was not given the controller {missing}")));
    }
    // Only the root of the whole hierarchy, which lacks this file, has both processes and controllers below.
    let is_root = !base.join("cgroup.events").exists();
    let enabled = listed(&base.join("cgroup.subtree_control"), controllers)?;
    if is_root || enabled || fs::read(base.join("cgroup.procs"))?.is_empty() {
        Ok(())
    } else {
        Err(io::Error::other("it has processes of its own, so it can enable no controllers"))
    }
}

/// The controllers that a group was given.
pub(super) fn controllers(group: &Path) -> Vec<String> {
    words(&group.join("cgroup.controllers"))
}

/// The controllers that a group hands on to those below it.
pub(super) fn handed_on(group: &Path) -> Vec<String> {
    words(&group.join("cgroup.subtree_control"))
}

fn words(file: &Path) -> Vec<String> {
    let names = read_whole(file).unwrap_or_default();
    String::from_utf8_lossy(&names).split_whitespace().map(Into::into).collect()
}

/// Enables, from `top` down to `group`, all that is `needed` and as much of what is `wanted` as goes.
pub(super) fn enable(top: &Path, group: &Path, needed: &[String], wanted: &[String]) -> Result<(), Error> {
    let file = |group: &Path| group.join("cgroup.subtree_control");
    let all: Vec<String> = needed.iter().chain(wanted).cloned().collect();
    if listed(&file(group), &all).is_ok_and(|all| all) {
        return Ok(());
    }
    let mut chain: Vec<&Path> = group.ancestors().take_while(|folder| folder.starts_with(top)).collect();
    chain.reverse();
    for folder in chain {
        let switch = file(folder);
        let words: Vec<String> = all.iter().map(|controller| format!("+{controller}")).collect();
        // All at once; one by one only if that fails, because one refusal is a refusal of all.
        if listed(&switch, &all).is_ok_and(|all| all)
            || write_file(&switch, words.join(" ").as_bytes()).is_ok()
        {
            continue;
        }
        for word in &words {
            let result = write_file(&switch, word.as_bytes());
            let controller = word.trim_start_matches('+');
            if let Err(error) = result
                && needed.iter().any(|needed| needed == controller)
            {
                let why = format!("the controller {controller} cannot be enabled in {}", folder.display());
                return Err(refused(controller, format!("{why}: {error}")));
            }
        }
    }
    Ok(())
}

/// Whether the file lists all of `controllers`.
fn listed(file: &Path, controllers: &[String]) -> io::Result<bool> {
    if controllers.is_empty() {
        return Ok(true);
    }
    let names = read_whole(file)?;
    let names = String::from_utf8_lossy(&names);
    Ok(controllers.iter().all(|controller| names.split_whitespace().any(|name| name == controller)))
}
