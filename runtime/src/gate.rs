//! The gate at which a created container waits to be started: a FIFO (`fifo(7)`).
//!
//! The first process holds both ends, so neither its opening nor its reading depends on anybody else. `start`
//! writes one byte, and keeps a reading end until nobody holds a writing one: then the first process has
//! executed the user's program, at which the kernel closed its ends, or it has ended; and why, it has written.

use crate::error::{Context, Error};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, write};
use std::os::fd::OwnedFd;

const GO: u8 = 1;
/// What follows is an exit status and a line.
const FAILED: u8 = 2;
/// The same; and the container is to be destroyed (the specification's step 7).
const HOOK_FAILED: u8 = 3;
const LARGEST: usize = 4096;

/// The first process's ends.
#[derive(Debug)]
pub(crate) struct Gate(OwnedFd);

impl Gate {
    pub(crate) fn new(both_ends: OwnedFd) -> Self {
        Self(both_ends)
    }

    /// Waits until somebody starts the container.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        loop {
            match read(&self.0, &mut [0]) {
                Err(Errno::INTR) => {}
                result => return result.map(drop).step("waiting to be started"),
            }
        }
    }

    /// Tells who started the container why it does not run. `false`: that could not be said.
    pub(crate) fn fail(&self, error: &Error) -> bool {
        let kind = if matches!(error, Error::Hook { .. }) { HOOK_FAILED } else { FAILED };
        let mut message = vec![kind, error.exit_status() as u8];
        message.extend(error.line().bytes().take(LARGEST - message.len()));
        write(&self.0, &message).is_ok()
    }
}

/// How a start failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// The container is to be destroyed.
    pub(crate) destroy: bool,
}

/// Opens the gate by its writing end, and waits at the reading end for what comes of it.
pub(crate) fn open(writing: OwnedFd, reading: &OwnedFd) -> Result<(), Failure> {
    let failed = |error| Failure { error, destroy: false };
    write(&writing, &[GO]).step("starting the first process").map_err(failed)?;
    drop(writing);
    loop {
        // A hang-up is told without being asked for.
        match poll(&mut [PollFd::new(reading, PollFlags::empty())], None) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(source) => return Err(failed(Error::Step { step: "waiting for the program", source })),
        }
    }
    let mut message = [0; LARGEST];
    let length = read(reading, &mut message).step("listening to the first process").map_err(failed)?;
    match message.get(..length) {
        Some([kind @ (FAILED | HOOK_FAILED), status, line @ ..]) => Err(Failure {
            error: Error::Inside {
                line: String::from_utf8_lossy(line).into_owned(),
                status: i32::from(*status),
            },
            destroy: *kind == HOOK_FAILED,
        }),
        // It was killed before it had read the byte.
        Some([GO, ..]) => Err(failed(Error::Died)),
        _ => Ok(()),
    }
}
