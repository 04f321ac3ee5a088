//! `kill`: a signal to the container's first process, or to all (the specification's "Kill").

use crate::error::{Context, Error};
use crate::identity::Identity;
use crate::oci::state::{Record, Status};
use crate::oci::store::Store;
use crate::signals::signal_numbered;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, pidfd_send_signal};

/// How long `kill` waits for the end of what it kills.
const SOON: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Sends a signal to the first process of a container that is created or running.
pub fn kill(store: &Store, id: &str, number: Signal) -> Result<(), Error> {
    let folder = store.find(id)?;
    let record = folder.read()?.ok_or_else(|| Error::NoContainer(id.into()))?;
    match folder.status(&record)? {
        status @ (Status::Stopped | Status::Creating) => {
            Err(Error::NotRunning { id: id.into(), wanted: "killed", status })
        }
        _ if signal(&record, number)? => Ok(()),
        _ => Err(Error::NotRunning { id: id.into(), wanted: "killed", status: Status::Stopped }),
    }
}

/// Sends a signal to every process of a container, whatever its first one is doing.
pub fn kill_all(store: &Store, id: &str, number: Signal) -> Result<(), Error> {
    let folder = store.find(id)?;
    let record = folder.read()?.ok_or_else(|| Error::NoContainer(id.into()))?;
    let pids = record.group().pids()?;
    if pids.is_empty() {
        // It is in no group, or there is nobody.
        return signal(&record, number).map(drop);
    }
    for pid in pids.into_iter().filter_map(Pid::from_raw) {
        match kill_process(pid, number) {
            // It has just ended.
            Ok(()) | Err(Errno::SRCH) => {}
            error => error.step("signalling a process of the container")?,
        }
    }
    Ok(())
}

/// A signal by its number or its name, with or without `SIG`.
pub fn signal_named(text: &str) -> Option<Signal> {
    if let Ok(number) = text.parse() {
        return signal_numbered(number);
    }
    let name = text.to_ascii_uppercase();
    let name = if name.starts_with("SIG") { name } else { format!("SIG{name}") };
    signal_numbered(name.parse::<nix::sys::signal::Signal>().ok()? as i32)
}

/// Signals the first process. `false`: it has gone.
pub(super) fn signal(record: &Record, number: Signal) -> Result<bool, Error> {
    let Some(process) = record.process.map(Identity::open).transpose()?.flatten() else {
        return Ok(false);
    };
    match pidfd_send_signal(&process, number) {
        Err(Errno::SRCH) => return Ok(false),
        result => result.step("signalling the container's first process")?,
    }
    if number == Signal::KILL {
        // It dies for sure, if not at once (it may be frozen): who asks for its state next should see it dead.
        let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&SOON));
    }
    Ok(true)
}
