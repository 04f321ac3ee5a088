//! `run`: create, start, wait, delete, in one process; or, detached, the first two.

use super::create::{Made, make};
use super::delete::{Remains, end_child};
use super::recipe::{Gate, Recipe};
use super::start::started;
use crate::clone::Child;
use crate::error::{Context, Error, FAILED};
use crate::oci::hooks;
use crate::oci::state::Status;
use crate::signals::{Blocked, Event};
use isolab_timeline::{Mark, Stamps};
use oci_spec::runtime::Hook;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::os::fd::AsFd;

/// How a run ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// The program's own status, or 128 + the signal that killed it; 0 for a detached one.
    pub status: i32,
    /// Hooks that failed after its end.
    pub warnings: Vec<Error>,
}

/// Runs a container: to its end, unless it is detached.
pub fn run(recipe: &Recipe, stamps: &Stamps) -> Result<Ended, Error> {
    stamps.stamp(Mark::Isolate);
    // Before anything exists that a signal could leave behind.
    let signals = Blocked::block()?;
    let Made { folder, record, child, group } = make(recipe, &signals, stamps)?;
    let spec_hooks = recipe.config.spec.hooks().as_ref();
    let hooks_at = |point: fn(&oci_spec::runtime::Hooks) -> &Option<Vec<Hook>>| {
        spec_hooks.and_then(|hooks| point(hooks).clone())
    };
    let ended = started(&folder, &record, &hooks_at(|hooks| hooks.poststart()))
        .inspect_err(|_| drop(end_child(&child)))
        .and_then(|()| match recipe.gate {
            Gate::Tied => forward_until_end_of(&child, &signals),
            _ => Ok(0),
        });
    if recipe.gate != Gate::Tied && ended.is_ok() {
        return Ok(Ended::default());
    }
    stamps.stamp(Mark::Exited);
    if recipe.keep && ended.is_ok() {
        group.remove()?;
        return Ok(Ended { status: ended?, warnings: Vec::new() });
    }
    let cleared = Remains { folder: &folder, group: Some(group), child: None }.clear();
    stamps.stamp(Mark::Cleaned);
    let warnings =
        hooks::run_all("poststop", &hooks_at(|hooks| hooks.poststop()), &record.state(Status::Stopped, 0));
    let status = ended?;
    cleared?;
    Ok(Ended { status, warnings })
}

/// Hands on what signals come, and returns the first process's status when it has ended.
fn forward_until_end_of(child: &Child, signals: &Blocked) -> Result<i32, Error> {
    loop {
        let mut ready = [
            PollFd::new(&child.pidfd, PollFlags::IN),
            PollFd::from_borrowed_fd(signals.queue(), PollFlags::IN),
        ];
        match poll(&mut ready, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(source) => return Err(Error::Step { step: "waiting for the container", source }),
        }
        if !ready[0].revents().is_empty() {
            let ended = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED)
                .step("waiting for the container")?;
            let status = ended.and_then(|ended| {
                ended.exit_status().or_else(|| ended.terminating_signal().map(|signal| 128 + signal))
            });
            return Ok(status.unwrap_or(FAILED));
        }
        while let Some(event) = signals.next() {
            let Event::Signal(signal) = event else { continue };
            match pidfd_send_signal(&child.pidfd, signal) {
                // It has just ended; its status is the next to be read.
                Ok(()) | Err(Errno::SRCH) => {}
                error => error.step("forwarding a signal")?,
            }
        }
    }
}
