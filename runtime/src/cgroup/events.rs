//! Watching a container: what it uses, again and again, and when it runs out of memory (`eventfd(2)`,
//! `inotify(7)`).
//!
//! Version 1 writes to an event descriptor that was registered with the group; version 2 has a file of
//! counts, whose changes are announced like those of any file.

use super::files::{Files, value};
use super::group::Group;
use super::setting::write_file;
use super::stats::Stats;
use crate::error::{Context, Error};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Something to tell about a container.
#[derive(Debug)]
pub enum Event {
    /// What it has used so far.
    Stats(Box<Stats>),
    /// The kernel killed one of its processes for want of memory.
    OutOfMemory,
}

/// Tells `each` what happens until the container's `process` ends.
pub fn watch(
    group: &Group,
    process: BorrowedFd<'_>,
    interval: Duration,
    mut each: impl FnMut(Event) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut memory = Memory::of(group)?;
    let mut next = Instant::now() + interval;
    loop {
        if next <= Instant::now() {
            each(Event::Stats(Box::new(group.stats())))?;
            next += interval;
        }
        let left = next.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut ready = vec![PollFd::from_borrowed_fd(process, PollFlags::IN)];
        ready.extend(memory.as_ref().map(|memory| PollFd::new(memory.descriptor(), PollFlags::IN)));
        match poll(&mut ready, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(source) => return Err(Error::Step { step: "waiting for events", source }),
        }
        let over = !ready[0].revents().is_empty();
        let announced = ready.get(1).is_some_and(|ready| !ready.revents().is_empty());
        if let Some(memory) = memory.as_mut().filter(|_| announced) {
            for _ in 0..memory.take()? {
                each(Event::OutOfMemory)?;
            }
        }
        if over {
            return Ok(());
        }
    }
}

/// Where the kernel announces that memory ran out.
enum Memory {
    V1 { events: OwnedFd, folder: PathBuf },
    V2 { changes: OwnedFd, folder: PathBuf, killed: u64 },
}

impl Memory {
    /// `None`: the container is in no group that counts memory.
    fn of(group: &Group) -> Result<Option<Self>, Error> {
        if let Some(folder) = group.v1_folder("memory") {
            return if folder.exists() { Self::v1(folder).map(Some) } else { Ok(None) };
        }
        let Some(folder) = group.place.v2.as_ref().map(|unified| &*unified.path) else { return Ok(None) };
        let file = folder.join("memory.events");
        if !file.exists() {
            return Ok(None);
        }
        let changes =
            inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).step("watching for changes")?;
        inotify::add_watch(&changes, &file, WatchFlags::MODIFY).at("watching", &file)?;
        Ok(Some(Self::V2 { changes, folder: folder.into(), killed: killed(folder) }))
    }

    fn v1(folder: &Path) -> Result<Self, Error> {
        let file = folder.join("memory.oom_control");
        let control =
            openat(CWD, &file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).at("opening", &file)?;
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let events = eventfd(0, flags).step("making a descriptor for events")?;
        let order = format!("{} {}", events.as_raw_fd(), control.as_raw_fd());
        let file = folder.join("cgroup.event_control");
        write_file(&file, order.as_bytes()).at("registering for events by", &file)?;
        Ok(Self::V1 { events, folder: folder.into() })
    }

    fn descriptor(&self) -> &OwnedFd {
        match self {
            Self::V1 { events, .. } => events,
            Self::V2 { changes, .. } => changes,
        }
    }

    /// How often it happened since the last time.
    fn take(&mut self) -> Result<u64, Error> {
        let mut buffer = [0; 4096];
        let length = match read(self.descriptor().as_fd(), &mut buffer) {
            Ok(length) => length,
            Err(Errno::AGAIN) => return Ok(0),
            Err(source) => return Err(Error::Step { step: "reading events", source }),
        };
        Ok(match self {
            // The removal of the group is announced in the same way.
            Self::V1 { folder, .. } if !folder.exists() => 0,
            Self::V1 { .. } => buffer[..length].try_into().map_or(0, u64::from_ne_bytes),
            Self::V2 { folder, killed: before, .. } => {
                let now = killed(folder);
                now - std::mem::replace(before, now).min(now)
            }
        })
    }
}

fn killed(folder: &Path) -> u64 {
    value(&Files(folder).named("memory.events"), "oom_kill")
}
