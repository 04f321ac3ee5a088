//! Removes what a killed runtime left: groups whose owner is dead (`kill(2)`, `rmdir(2)`).
//!
//! Processes and mounts need no sweep, they die with PID 1 and its namespaces; only folders stay. Should
//! a process be in one nevertheless, it is killed first. A container that was created to outlive its runtime
//! has another name, and a state folder: `delete --force` removes that one.

use super::detect::{Hierarchy, folders};
use super::folders::remove;
use super::members::kill_all;
use super::owner::Owner;
use crate::error::Error;
use std::fs;
use std::path::PathBuf;

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
            let killed = kill_all(&folder, None).map_err(|error| error.line());
            match killed.and_then(|()| remove(&folder).map_err(|error| error.to_string())) {
                Ok(()) => swept.removed.push(folder),
                Err(why) => swept.left.push((folder, why)),
            }
        }
        // It stays while a run uses it; a run that begins just now makes it again.
        let _ = fs::remove_dir(&parent);
    }
    Ok(swept)
}
