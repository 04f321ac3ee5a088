//! Pausing a container: the kernel stops its processes where they are (`cgroup.freeze` of version 2;
//! `Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst`).
//!
//! Either takes its time, because a process may be deep in the kernel. Version 2 says when it is done
//! (`cgroup.events`); version 1 has to be asked again, and to be told again, because a process that forks
//! while the group freezes can leave it halfway. What does not come to a stop in time is thawed again:
//! a half-frozen container is neither paused nor running.

use super::detect::read_at_once;
use super::group::Group;
use super::setting::write_file;
use crate::error::{Context, Error};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, pread};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a group may take to come to a stop.
const PATIENCE: Duration = Duration::from_secs(10);

impl Group {
    /// Stops every process of the container.
    pub fn pause(&self) -> Result<(), Error> {
        if let Some(unified) = self.place.v2.as_ref().filter(|_| self.v1_folder("freezer").is_none()) {
            return freeze_v2(&unified.path);
        }
        if self.place.late.first().is_some_and(|folder| folder.has("freezer")) {
            self.gather(&[])?;
        }
        freeze_v1(self.freezer()?)
    }

    /// Lets them go on.
    pub fn resume(&self) -> Result<(), Error> {
        if let Some(unified) = self.place.v2.as_ref().filter(|_| self.v1_folder("freezer").is_none()) {
            return switch_v2(&unified.path, b"0", "resuming the cgroup");
        }
        thaw_v1(self.freezer()?)
    }

    /// Whether they are stopped.
    pub fn paused(&self) -> bool {
        if let Some(folder) = self.v1_folder("freezer") {
            return state_v1(folder).is_ok_and(|state| state == b"FROZEN");
        }
        self.place.v2.as_ref().is_some_and(|unified| {
            read_at_once(unified.path.join("cgroup.events")).is_ok_and(|events| is_frozen(&events))
        })
    }

    fn freezer(&self) -> Result<&Path, Error> {
        self.v1_folder("freezer").ok_or_else(|| Error::Unavailable {
            what: "pause",
            why: self.place.without().unwrap_or("the container is in no cgroup that can freeze").into(),
            fix: "run as root, or have a cgroup delegated",
        })
    }
}

fn is_frozen(events: &[u8]) -> bool {
    events.split(|&byte| byte == b'\n').any(|line| line == b"frozen 1")
}

fn switch_v2(folder: &Path, value: &[u8], step: &'static str) -> Result<(), Error> {
    write_file(&folder.join("cgroup.freeze"), value).at(step, folder)
}

fn freeze_v2(folder: &Path) -> Result<(), Error> {
    let file = folder.join("cgroup.events");
    let events = openat(CWD, &file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).at("opening", &file)?;
    switch_v2(folder, b"1", "pausing the cgroup")?;
    let start = Instant::now();
    while let Some(left) = PATIENCE.checked_sub(start.elapsed()) {
        let mut text = [0; 256];
        let length = pread(&events, &mut text, 0).at("reading", &file)?;
        if is_frozen(&text[..length]) {
            return Ok(());
        }
        // The kernel announces each change of the file.
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        poll(&mut [PollFd::new(&events, PollFlags::PRI)], Some(&timeout)).at("waiting for", &file)?;
    }
    switch_v2(folder, b"0", "resuming the cgroup")?;
    Err(Errno::TIMEDOUT).at("pausing the cgroup", folder)
}

/// Freezes one group of version 1.
pub(super) fn freeze_v1(folder: &Path) -> Result<(), Error> {
    let file = folder.join("freezer.state");
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        write_file(&file, b"FROZEN").at("pausing the cgroup", folder)?;
        if state_v1(folder)? == b"FROZEN" {
            return Ok(());
        }
        sleep(Duration::from_millis(1));
    }
    thaw_v1(folder)?;
    Err(Errno::TIMEDOUT).at("pausing the cgroup", folder)
}

/// Thaws one group of version 1.
pub(super) fn thaw_v1(folder: &Path) -> Result<(), Error> {
    write_file(&folder.join("freezer.state"), b"THAWED").at("resuming the cgroup", folder)
}

fn state_v1(folder: &Path) -> Result<Vec<u8>, Error> {
    let file = folder.join("freezer.state");
    Ok(read_at_once(&file).at("reading", &file)?.trim_ascii().to_vec())
}
