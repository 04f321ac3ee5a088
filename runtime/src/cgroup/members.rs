//! Who is in a group, and how to end them all (`cgroup.procs`, `cgroup.kill`; `cgroups(7)`).
//!
//! A signal to each process of a list never ends a container that forks faster than one reads. Version 2
//! has a file that kills the group at once; in version 1 the group is frozen first, so that the list is
//! complete, and thawed to die.

use super::folders::children;
use super::freeze::{freeze_v1, thaw_v1};
use crate::error::{Context, Error};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// The processes in a group and in all below it, as this PID namespace numbers them.
pub(super) fn pids(folder: &Path) -> Result<Vec<i32>, Error> {
    let file = folder.join("cgroup.procs");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        // It has just been removed, or cannot hold processes (a threaded group).
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::OPNOTSUPP) => String::new(),
        Err(error) => return Err(error).at("reading", &file),
    };
    let mut pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for child in children(folder) {
        pids.extend(self::pids(&child)?);
    }
    Ok(pids)
}

/// Whether the group is there and has processes, itself or below it.
pub(super) fn is_populated(folder: &Path) -> bool {
    match fs::read_to_string(folder.join("cgroup.procs")) {
        Err(_) => false,
        Ok(text) if !text.is_empty() => true,
        Ok(_) => children(folder).iter().any(|child| is_populated(child)),
    }
}

/// Kills every process in the group and below it, and waits until the kernel lists none. `freezer`: the group's
/// folder in the freezer's hierarchy of version 1, if it is in one.
pub(super) fn kill_all(folder: &Path, freezer: Option<&Path>) -> Result<(), Error> {
    // A process that is only just dying is still listed: look again, for up to two seconds.
    for _ in 0..1_000 {
        let members = pids(folder)?;
        if members.is_empty() {
            return Ok(());
        }
        // The kernel shows 0 for one in a PID namespace beside ours: it is not ours to judge.
        if members.contains(&0) {
            return Err(Errno::PERM).at("killing the processes of another PID namespace in", folder);
        }
        if fs::write(folder.join("cgroup.kill"), "1").is_err() {
            // Frozen or not, what is listed dies; a freezer only makes the list complete.
            let frozen = freezer.filter(|freezer| freeze_v1(freezer).is_ok());
            let listed = if frozen.is_some() { pids(folder)? } else { members };
            for pid in listed.into_iter().filter_map(Pid::from_raw) {
                // It may have ended since.
                let _ = kill_process(pid, Signal::KILL);
            }
            if let Some(freezer) = freezer {
                thaw_v1(freezer)?;
            }
        }
        sleep(Duration::from_millis(2));
    }
    Err(Errno::BUSY).at("waiting for the end of the processes in", folder)
}
