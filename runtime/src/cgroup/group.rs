//! One container's group: a folder in each hierarchy that a limit needs (`mkdir(2)`, `rmdir(2)`).

use super::detect::Hierarchy;
use super::owner::Owner;
use super::{Controller, FOLDER, Limit, Limits, refused, v1, v2};
use crate::error::{Context, Error};
use rustix::fs::{CWD, Mode, OFlags, mkdir, openat, rmdir};
use rustix::io::{Errno, write};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a folder may be busy although its last process has been reaped.
const BUSY: Duration = Duration::from_secs(1);

/// The folders of one container. They are removed when this drops, if they were not before.
#[derive(Debug, Default)]
pub struct Group {
    v1: Vec<PathBuf>,
    v2: Option<PathBuf>,
}

impl Group {
    pub(crate) fn create(hierarchy: &Hierarchy, limits: &Limits) -> Result<Self, Error> {
        let mut group = Self::default();
        let owner = Owner::this_process()?.to_string();
        let (in_v1, in_v2): (Vec<Limit>, Vec<Limit>) =
            limits.iter().partition(|limit| hierarchy.v1.iter().any(|tree| tree.has(limit.controller())));
        for limit in in_v1 {
            group.limit_v1(hierarchy, limit, &owner)?;
        }
        if !in_v2.is_empty() {
            group.limit_v2(hierarchy, &in_v2, &owner)?;
        }
        Ok(group)
    }

    fn limit_v1(&mut self, hierarchy: &Hierarchy, limit: Limit, owner: &str) -> Result<(), Error> {
        let controller = limit.controller();
        for tree in hierarchy.v1.iter().filter(|tree| tree.has(controller)) {
            let parent = v1::place(tree, controller)?.join(FOLDER);
            let folder = parent.join(owner);
            // Two controllers may share one hierarchy.
            if !self.v1.contains(&folder) {
                make(&parent, &folder).at("making the cgroup", &folder)?;
                self.v1.push(folder.clone());
            }
            apply(&folder, v1::settings(limit))?;
        }
        Ok(())
    }

    fn limit_v2(&mut self, hierarchy: &Hierarchy, limits: &[Limit], owner: &str) -> Result<(), Error> {
        let controllers: Vec<Controller> = limits.iter().map(|limit| limit.controller()).collect();
        let missing =
            |controller: &&Controller| hierarchy.v2.as_ref().is_none_or(|tree| !tree.has(**controller));
        if let Some(&controller) = controllers.iter().find(missing) {
            return Err(refused(controller, format!("this host has no cgroup controller {controller}")));
        }
        let Some(tree) = &hierarchy.v2 else { return Ok(()) };
        let parent = v2::prepare(tree, &controllers)?;
        let folder = parent.join(owner);
        make(&parent, &folder).at("making the cgroup", &folder)?;
        self.v2 = Some(folder.clone());
        limits.iter().try_for_each(|&limit| apply(&folder, v2::settings(limit)))
    }

    /// The folders, in every hierarchy: what the container uses can be read in them.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.v1.iter().chain(&self.v2).map(|folder| &**folder)
    }

    /// Opens the ways in.
    pub fn joining(&self) -> Result<Joining, Error> {
        let open = |path: PathBuf, flags| {
            openat(CWD, &path, flags | OFlags::CLOEXEC, Mode::empty()).at("opening the cgroup", &path)
        };
        let tasks = self
            .v1
            .iter()
            .map(|folder| open(folder.join("tasks"), OFlags::WRONLY))
            .collect::<Result<_, _>>()?;
        let folder =
            self.v2.clone().map(|folder| open(folder, OFlags::PATH | OFlags::DIRECTORY)).transpose()?;
        Ok(Joining { tasks, folder })
    }

    /// Removes the folders, in which no process may be left.
    pub fn remove(mut self) -> Result<(), Error> {
        let folders: Vec<PathBuf> = self.v1.drain(..).chain(self.v2.take()).collect();
        // All of them, whatever becomes of one.
        let results: Vec<_> =
            folders.iter().map(|folder| remove(folder).at("removing the cgroup", folder)).collect();
        results.into_iter().collect()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Only on the way out of another error, which is the one to report; a sweep takes what is left.
        for folder in self.folders() {
            let _ = remove(folder);
        }
    }
}

/// The ways into a group, open: one `tasks` file a hierarchy of version 1, the folder itself of version 2.
#[derive(Debug)]
pub struct Joining {
    tasks: Vec<OwnedFd>,
    folder: Option<OwnedFd>,
}

impl Joining {
    /// The folder for [`crate::clone::clone`].
    pub fn folder(&self) -> Option<BorrowedFd<'_>> {
        self.folder.as_ref().map(|folder| folder.as_fd())
    }

    /// Moves the calling process into the groups of version 1. It must have one thread: the kernel moves
    /// the one that writes.
    pub fn join(&self) -> Result<(), Error> {
        self.tasks.iter().try_for_each(|tasks| write(tasks, b"0").map(drop)).step("joining the cgroup")
    }
}

/// Makes `folder`, and `parent` if need be. A sweep may remove an empty parent between the two.
fn make(parent: &Path, folder: &Path) -> Result<(), Errno> {
    let mode = Mode::from_raw_mode(0o755);
    for _ in 0..8 {
        match mkdir(folder, mode) {
            Err(Errno::NOENT) => {}
            result => return result,
        }
        match mkdir(parent, mode) {
            Ok(()) | Err(Errno::EXIST) => {}
            error => return error,
        }
    }
    Err(Errno::NOENT)
}

fn apply(folder: &Path, settings: Vec<(&str, String, bool)>) -> Result<(), Error> {
    for (name, value, required) in settings {
        let file = folder.join(name);
        let result =
            OpenOptions::new().write(true).open(&file).and_then(|mut file| file.write_all(value.as_bytes()));
        match result {
            Err(error) if !required && error.kind() == std::io::ErrorKind::NotFound => {}
            result => result.at("writing the limit", &file)?,
        }
    }
    Ok(())
}

/// Removes one folder. The kernel may hold it for a moment after its last process has gone.
pub(crate) fn remove(folder: &Path) -> Result<(), Errno> {
    let start = Instant::now();
    loop {
        match rmdir(folder) {
            Err(Errno::BUSY) if start.elapsed() < BUSY => sleep(Duration::from_millis(1)),
            Err(Errno::NOENT) => return Ok(()),
            result => return result,
        }
    }
}
