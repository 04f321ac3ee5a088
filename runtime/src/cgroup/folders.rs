//! Making and removing the folders that are groups (`mkdir(2)`, `rmdir(2)`, `cgroups(7)`).

use super::FOLDER;
use super::group::MODE;
use super::v1;
use crate::error::{Context, Error};
use rustix::fs::{mkdir, rmdir};
use rustix::io::Errno;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a folder may be busy although its last process has been reaped.
const BUSY: Duration = Duration::from_secs(1);

/// Makes `folder` and what is missing above it, and notes in `made` what was. A sweep may remove an empty
/// parent between the two.
pub(super) fn make(folder: &Path, cpuset: bool, made: &mut Vec<PathBuf>) -> Result<(), Error> {
    for _ in 0..8 {
        match mkdir(folder, MODE) {
            Ok(()) => {
                made.push(folder.into());
                return if cpuset { v1::inherit_cpuset(folder) } else { Ok(()) };
            }
            Err(Errno::EXIST) => return Ok(()),
            Err(Errno::NOENT) => match folder.parent() {
                Some(parent) => make(parent, cpuset, made)?,
                None => break,
            },
            error => return error.at("making the cgroup", folder),
        }
    }
    Err(Errno::NOENT).at("making the cgroup", folder)
}

/// Removes one group, with those that the container has made below it. The kernel may hold it for a moment
/// after its last process has gone.
pub(crate) fn remove(folder: &Path) -> Result<(), Errno> {
    let start = Instant::now();
    loop {
        match rmdir(folder) {
            Err(Errno::BUSY) if start.elapsed() < BUSY => {
                let below = children(folder);
                if below.is_empty() {
                    sleep(Duration::from_millis(1));
                }
                below.iter().try_for_each(|child| remove(child))?;
            }
            Err(Errno::NOENT) => return Ok(()),
            result => return result,
        }
    }
}

/// Removes what a relative path has made between isolab's own folder and `folder`, where nobody else uses it.
/// Above an absolute path lie the groups of an engine, which are not ours to remove.
pub(super) fn remove_parents(folder: &Path) {
    let is_own = |folder: &&Path| folder.file_name().is_some_and(|name| name == FOLDER);
    let parents = || folder.ancestors().skip(1);
    if parents().any(|parent| is_own(&parent)) {
        // The first that is in use keeps those above it.
        let _ = parents().take_while(|parent| !is_own(parent)).try_for_each(rmdir);
    }
}

/// The groups directly below one.
pub(super) fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}
