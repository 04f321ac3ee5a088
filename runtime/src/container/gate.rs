//! The FIFO between `create` and `start`, two calls that share nothing but a folder (`fifo(7)`).
//!
//! The first process waits at it, with both ends open, so that neither the opening nor the reading depends on who
//! else has it open. `start` removes the name, which of two the kernel lets one do, and writes a byte. Then the
//! first process goes on, and its ends close by themselves when it executes the user's program, or when it dies. Why
//! it could not execute it, it writes into the same FIFO, and `start`, which holds it too, reads that afterwards.

use crate::channel::{failure, told};
use crate::error::{Context, Error};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open, unlink};
use rustix::io::{Errno, read, write};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

/// Its name in the container's state folder.
pub(crate) const FIFO: &str = "exec.fifo";
/// What lets the first process go on.
const GO: &[u8] = b"0";

/// The first process's side.
#[derive(Debug)]
pub(crate) struct Inside(OwnedFd);

/// The side of who starts the container.
#[derive(Debug)]
pub(crate) struct Outside(OwnedFd);

impl Inside {
    /// Makes the FIFO of the container whose state is in `folder`.
    pub(crate) fn make(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FIFO);
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).at("making", &path)?;
        open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).at("opening", &path).map(Self)
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

    /// Says why this process ends instead of executing the program.
    pub(crate) fn fail(&self, error: &Error) -> bool {
        write(&self.0, &failure(error)).is_ok()
    }
}

impl Outside {
    /// The FIFO of the container whose state is in `folder`, if a process waits at it.
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(FIFO);
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match open(&path, flags, Mode::empty()) {
            Ok(gate) => Ok(Some(Self(gate))),
            // No such file, or nobody who reads it.
            Err(Errno::NOENT | Errno::NXIO) => Ok(None),
            Err(source) => Err(Error::Path { step: "opening", path, source }),
        }
    }

    /// Lets the first process go on, and waits until it executes the program. `false`: somebody else has.
    pub(crate) fn open(&self, folder: &Path) -> Result<bool, Error> {
        let path = folder.join(FIFO);
        match unlink(&path) {
            Err(Errno::NOENT) => return Ok(false),
            result => result.at("removing", &path)?,
        }
        write(&self.0, GO).at("writing to", &path)?;
        // No event is asked for: that nobody reads any more is told in any case.
        let mut gone = [PollFd::new(&self.0, PollFlags::empty())];
        while let Err(source) = poll(&mut gone, None) {
            if source != Errno::INTR {
                return Err(Error::Step { step: "waiting for the first process", source });
            }
        }
        self.outcome().map(|()| true)
    }

    /// What the first process has left.
    fn outcome(&self) -> Result<(), Error> {
        let step = "reading what the first process says";
        let own = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        let left =
            open(&own, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).step(step)?;
        let mut message = [0; crate::channel::LARGEST];
        // Nothing is left, and the writer is this process.
        let length = match read(&left, &mut message) {
            Err(Errno::AGAIN) => 0,
            result => result.step(step)?,
        };
        match message.get(..length).unwrap_or_default() {
            [] => Ok(()),
            // It has died where it waited.
            message => Err(told(message).unwrap_or(Error::Died)),
        }
    }
}
