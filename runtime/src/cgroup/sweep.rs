//! Removes what a killed runtime left: groups whose owner is dead (`kill(2)`, `rmdir(2)`).
//!
//! Processes and mounts need no sweep, they die with PID 1 and its namespaces; only folders stay. Should
//! a process be in one nevertheless, it is killed first: by `cgroup.kill` in version 2, one by one in
//! version 1.

use super::detect::{Hierarchy, folders};
use super::group::remove;
use super::owner::Owner;
use crate::error::Error;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    /// The folders removed.
    pub removed: Vec<PathBuf>,
    /// The folders that should go and could not, with the reason.
    pub left: Vec<(PathBuf, String)>,
}

/// Removes every group of a dead runtime, in all hierarchies in view, and isolab's own folder where it is
/// then empty. Groups of the living, and all that isolab did not name, are left alone.
pub fn sweep() -> Result<Swept, Error> {
    let mut swept = Swept::default();
    for parent in folders(&Hierarchy::detect()?) {
        let Ok(entries) = fs::read_dir(&parent) else { continue };
        for entry in entries.flatten() {
            let owner = entry.file_name().to_str().and_then(|name| name.parse::<Owner>().ok());
            if owner.is_none_or(Owner::is_alive) {
                continue;
            }
            let folder = entry.path();
            match kill_all(&folder).and_then(|()| remove(&folder).map_err(|error| error.to_string())) {
                Ok(()) => swept.removed.push(folder),
                Err(why) => swept.left.push((folder, why)),
            }
        }
        // It stays while a run uses it; a run that begins just now makes it again.
        let _ = fs::remove_dir(&parent);
    }
    Ok(swept)
}

fn kill_all(folder: &Path) -> Result<(), String> {
    // A process that is only just dying is still listed: look again, for up to two seconds.
    for _ in 0..200 {
        let members = members(folder)?;
        if members.is_empty() {
            return Ok(());
        }
        // The kernel shows 0 for one in a PID namespace beside ours: then its owner is not ours to judge.
        if members.contains(&0) {
            return Err("its processes belong to another PID namespace".into());
        }
        if fs::write(folder.join("cgroup.kill"), "1").is_err() {
            for pid in members.into_iter().filter_map(Pid::from_raw) {
                // It may have ended since.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        sleep(Duration::from_millis(10));
    }
    Err("its processes do not die".into())
}

fn members(folder: &Path) -> Result<Vec<i32>, String> {
    let text = fs::read_to_string(folder.join("cgroup.procs")).map_err(|error| error.to_string())?;
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}
