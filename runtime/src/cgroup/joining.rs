//! How a process gets into its groups without waiting (`clone3(2)`, `cgroups(7)`).

use super::place::Place;
use crate::error::{Context, Error};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, write};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The ways into a container's groups, open: one `tasks` file a hierarchy of version 1, the folder itself of
/// version 2.
#[derive(Debug, Default)]
pub struct Joining {
    tasks: Vec<OwnedFd>,
    folder: Option<Arc<OwnedFd>>,
    /// The group that counts processes, in version 1.
    counting: Option<PathBuf>,
}

impl Joining {
    /// `folder`: that of version 2; `new`: none of the late groups can be there.
    pub(super) fn open(place: &Place, folder: Option<Arc<OwnedFd>>, new: bool) -> Result<Self, Error> {
        let open = |path: &Path, flags| openat(CWD, path, flags | OFlags::CLOEXEC, Mode::empty());
        let mut tasks = Vec::with_capacity(place.v1.len());
        for folder in &place.v1 {
            let file = folder.path.join("tasks");
            tasks.push(open(&file, OFlags::WRONLY).at("opening the cgroup", &file)?);
        }
        for folder in place.late.iter().filter(|_| !new) {
            let file = folder.path.join("tasks");
            match open(&file, OFlags::WRONLY) {
                Ok(file) => tasks.push(file),
                // Without the first there are no others; any other may be missing.
                Err(Errno::NOENT) if std::ptr::eq(folder, &raw const place.late[0]) => break,
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error).at("opening the cgroup", &file),
            }
        }
        let counting = place.v1.iter().chain(&place.late).find(|folder| folder.has("pids"));
        Ok(Self { tasks, folder, counting: counting.map(|folder| folder.path.clone()) })
    }

    /// The folder for [`crate::clone::clone`].
    pub fn folder(&self) -> Option<BorrowedFd<'_>> {
        self.folder.as_ref().map(|folder| folder.as_fd())
    }

    /// Moves the calling process into the groups of version 1. It must have one thread: the kernel moves
    /// the one that writes.
    pub fn join(&self) -> Result<(), Error> {
        self.tasks.iter().try_for_each(|tasks| write(tasks, b"0").map(drop)).step("joining the cgroup")
    }

    /// Whether the groups have room for the calling process, which has joined them. Version 1 refuses a fork beyond
    /// a limit, and nobody who comes from outside.
    pub fn check_room(&self) -> Result<(), Error> {
        let number =
            |folder: &Path, name| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        let counting = self.counting.iter().flat_map(|folder| folder.ancestors());
        for folder in counting.take_while(|folder| folder.join("pids.max").exists()) {
            // What is no number is "max".
            if let Some(most) = number(folder, "pids.max")
                && number(folder, "pids.current").is_some_and(|now| now > most)
            {
                return Err(Errno::AGAIN).at("entering a container at its limit of processes,", folder);
            }
        }
        Ok(())
    }
}
