//! Groups of version 1 that are made while the container already runs.
//!
//! Its processes are moved one by one, by the parent's slow way. A process forked meanwhile is in the old
//! groups of its parent and so in the new one as well, if its parent was; hence the lists are compared
//! until they agree.

use super::folders::make;
use super::group::Group;
use super::members::pids;
use super::place::Folder;
use super::setting::write_file;
use crate::error::{Context, Error};
use rustix::io::Errno;

impl Group {
    /// Makes these of the late groups, and the first of all late ones, which says that there may be more.
    pub(super) fn gather(&self, folders: &[&Folder]) -> Result<(), Error> {
        for folder in self.place.late.first().into_iter().chain(folders.iter().copied()) {
            make(&folder.path, folder.has("cpuset"), &mut Vec::new())?;
            self.move_into(folder)?;
        }
        Ok(())
    }

    fn move_into(&self, folder: &Folder) -> Result<(), Error> {
        let procs = folder.path.join("cgroup.procs");
        for _ in 0..100 {
            let inside = pids(&folder.path)?;
            let mut outside = self.pids()?;
            outside.retain(|pid| !inside.contains(pid));
            if outside.is_empty() {
                return Ok(());
            }
            for pid in outside {
                match write_file(&procs, pid.to_string().as_bytes()) {
                    // It has ended.
                    Ok(()) | Err(Errno::SRCH) => {}
                    error => error.at("moving the container's processes into", &folder.path)?,
                }
            }
        }
        Err(Errno::AGAIN).at("moving the container's processes, which fork too fast, into", &folder.path)
    }
}
