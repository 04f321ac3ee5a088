//! Terminals: a pair of ends of which the container gets one (`pty(7)`, `tty_ioctl(2)`; `process.terminal`).
//!
//! The pair is made *inside*, of the container's own `devpts`: its number means something there, and nobody
//! outside can be reached through it. The inner end becomes the standard streams, the controlling terminal of
//! the process's session, and `/dev/console`. The outer end ("master") crosses the wall as an open file, over a
//! Unix socket: to the engine's, which it names by `--console-socket`; or in the foreground to the runtime, which
//! copies between it and its own terminal.
//!
//! 1. `socket`: the way out; it is connected before the process is created, while the path means something.
//! 2. `pty`: the pair is made, inside.
//! 3. `relay`: the runtime's part in the foreground.

mod pty;
mod relay;
mod socket;

pub(crate) use pty::attach;
pub(crate) use relay::Relay;

use crate::error::Error;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// The way of a new terminal to whoever looks at it.
#[derive(Debug)]
pub(crate) struct Terminal {
    inside: OwnedFd,
    /// The runtime itself looks at it.
    outside: Option<OwnedFd>,
}

impl Terminal {
    /// Opens the way, if there is to be a terminal: to the engine's `socket`, else to the runtime, which must then
    /// stay.
    pub(crate) fn new(wanted: bool, socket: Option<&Path>, detached: bool) -> Result<Option<Self>, Error> {
        match socket {
            None if !wanted => Ok(None),
            Some(_) if !wanted => {
                Err(Error::property("process.terminal", "is not set, and so --console-socket gets none"))
            }
            Some(path) => Ok(Some(Self { inside: socket::connect(path)?, outside: None })),
            None if detached => {
                let why = "needs --console-socket, because the runtime does not stay to look at it";
                Err(Error::property("process.terminal", why))
            }
            None => {
                let (outside, inside) = socket::pair()?;
                Ok(Some(Self { inside, outside: Some(outside) }))
            }
        }
    }

    /// The end for the new process.
    pub(crate) fn inside(&self) -> BorrowedFd<'_> {
        self.inside.as_fd()
    }

    /// Takes the terminal that the new process has sent, if the runtime looks at it itself.
    pub(crate) fn relay(&self) -> Result<Option<Relay>, Error> {
        self.outside.as_ref().map(|outside| Relay::receive(outside.as_fd())).transpose()
    }
}
