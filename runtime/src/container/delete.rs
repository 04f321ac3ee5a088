//! `delete`: everything that `create` made goes (the specification's "Delete").
//!
//! The order is that of dependence: processes first, then the groups that they were in, then the folder in
//! which all of it is written down. A crash in between leaves a folder, and so the means to begin again.

use super::create::{cgroups_path, resources};
use crate::cgroup::{Group, Hierarchy};
use crate::clone::Child;
use crate::error::{Context, Error};
use crate::identity::Identity;
use crate::oci::config::Config;
use crate::oci::hooks;
use crate::oci::state::Status;
use crate::oci::store::{Folder, Store};
use crate::rootfs;
use crate::signals::Blocked;
use oci_spec::runtime::Hooks;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::os::fd::{AsFd, OwnedFd};

/// How long a killed process may take to go. It may be writing to a slow disk.
const LONGEST_DEATH: Timespec = Timespec { tv_sec: 30, tv_nsec: 0 };

/// What there is so far of a container that may not come to be.
#[derive(Debug)]
pub(crate) struct Remains<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) group: Option<Group>,
    pub(crate) child: Option<Child>,
    pub(crate) root_mount: Option<u64>,
    pub(crate) config: Option<&'a Config>,
}

impl Remains<'_> {
    /// Clears it. What cannot be cleared does not keep the rest.
    pub(crate) fn clear(self) -> Result<(), Error> {
        let mut result = Ok(());
        if let Some(child) = &self.child {
            result = end_child(child);
        }
        if let Some(group) = self.group {
            result = result.and(group.remove());
        }
        if let Some(config) = self.config {
            result = result.and(rootfs::clear(self.root_mount, &config.spec, &config.bundle));
        }
        result.and(self.folder.remove())
    }
}

/// Kills a child and waits for it.
pub(crate) fn end_child(child: &Child) -> Result<(), Error> {
    // It may have ended by itself.
    let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
    waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED)
        .step("waiting for the first process")?;
    Ok(())
}

/// Deletes a stopped container; with `force`, any, and a container that does not exist is no error. Returns
/// the hooks that failed afterwards: they are warnings.
pub fn delete(store: &Store, id: &str, force: bool) -> Result<Vec<Error>, Error> {
    // Half a container is of use to nobody: who asks this process to end waits until the work is done.
    let signals = Blocked::block()?;
    let folder = match store.find(id) {
        Err(Error::NoContainer(_)) if force => return Ok(Vec::new()),
        result => result?,
    };
    let record = match folder.read() {
        Err(_) if force => None,
        result => result?,
    };
    let Some(record) = record else {
        // Taken this moment by a runtime that is about to write, or left so by one that was killed.
        if !force {
            let (wanted, fix) = ("deleted", "`delete --force` clears it");
            return Err(Error::WrongState { id: id.into(), wanted, status: Status::Creating, fix });
        }
        return clear_without_record(&folder).map(|()| Vec::new());
    };
    let status = folder.status(&record)?;
    let group = record.group();
    if status != Status::Stopped {
        if !force {
            let fix = "stop it first, or `delete --force`";
            return Err(Error::WrongState { id: id.into(), wanted: "deleted", status, fix });
        }
        for process in [Some(record.runtime).filter(|_| status == Status::Creating), record.process] {
            if let Some(process) = process.map(Identity::open).transpose()?.flatten() {
                end(&process, &group)?;
            }
        }
    }
    let spec = folder.config().ok();
    group.remove()?;
    if let Some(spec) = &spec {
        rootfs::clear(record.root_mount, spec, &record.bundle)?;
    }
    folder.remove()?;
    let hooks = spec.as_ref().map_or(&[][..], |spec| hooks::of(spec, Hooks::poststop));
    Ok(hooks::run_poststop(hooks, &record.state(Status::Stopped, 0), Some(&signals)))
}

/// Clears a container whose record was never written, or is lost: its groups, and so its processes, are where its
/// configuration puts them. By its own name nobody else's can be there; at a path of the engine's choice there may be
/// others by now, and the record that told them apart is lost.
fn clear_without_record(folder: &Folder) -> Result<(), Error> {
    if let Ok(spec) = folder.config() {
        let path = cgroups_path(&spec).filter(|path| !path.as_os_str().is_empty());
        let place = Hierarchy::detect()?.locate(path, folder.id(), &resources(&spec))?;
        if path.is_some() {
            place.must_be_empty(
                "it has processes, which may be another container's, and the record of this one is lost: end them, \
                 or move them elsewhere, and then delete it again",
            )?;
        }
        Group::open(place).remove()?;
    }
    folder.remove()
}

/// Kills a process and waits until it has gone.
fn end(process: &OwnedFd, group: &Group) -> Result<(), Error> {
    match pidfd_send_signal(process, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => {}
        error => error.step("killing the container's first process")?,
    }
    // In version 1 the frozen do not even die.
    if group.paused() {
        group.resume()?;
    }
    let mut gone = [PollFd::new(process, PollFlags::IN)];
    match poll(&mut gone, Some(&LONGEST_DEATH)).step("waiting for the first process")? {
        0 => Err(Error::Step { step: "waiting for the killed first process", source: Errno::TIMEDOUT }),
        _ => Ok(()),
    }
}
