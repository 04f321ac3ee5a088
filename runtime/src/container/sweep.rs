//! `clean`: what killed runtimes have left, and nobody will come for (`cgroups(7)`).
//!
//! A container that was created for others to use is theirs to delete, dead or not. Nobody's are those that
//! were to die with their runtime, and those that never were whole.

use super::delete::delete;
use crate::cgroup::owner::Owner;
use crate::cgroup::{self, Swept};
use crate::error::Error;
use crate::oci::store::{Folder, Store};

/// Deletes nobody's containers, and removes the groups of those of which only groups are left.
pub fn sweep(store: &Store) -> Result<Swept, Error> {
    let mut removed = Vec::new();
    let mut left = Vec::new();
    for folder in store.all()?.iter().filter(|folder| is_nobodys(folder)) {
        match delete(store, folder.id(), true) {
            Ok(_) => removed.push(folder.path().into()),
            Err(error) => left.push((folder.path().into(), error.line())),
        }
    }
    let mut swept = cgroup::sweep()?;
    swept.removed.extend(removed);
    swept.left.extend(left);
    Ok(swept)
}

fn is_nobodys(folder: &Folder) -> bool {
    match folder.read() {
        Ok(Some(record)) => {
            let unfinished = record.process.is_none();
            let dead = |process: crate::identity::Identity| !process.is_alive();
            (record.tied || unfinished) && dead(record.runtime) && record.process.is_none_or(dead)
        }
        // Made before the record; the name says by whom, if nobody else named it.
        Ok(None) => folder.id().parse::<Owner>().is_ok_and(|owner| !owner.is_alive()),
        // Somebody should look at it.
        Err(_) => false,
    }
}
