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

pub(crate) use relay::Relay;

use crate::error::Error;
use oci_spec::runtime::{Box as Size, Process};
use rustix::stdio::stdin;
use rustix::termios::{Winsize, tcgetwinsize};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The way of a new terminal to whoever looks at it.
#[derive(Debug)]
pub(crate) struct Terminal {
    inside: OwnedFd,
    /// The runtime itself looks at it.
    outside: Option<OwnedFd>,
    /// How large it is from the beginning.
    size: Option<Winsize>,
}

impl Terminal {
    /// Opens the way, if `process` is to have a terminal: to the engine's `socket`, else to the runtime, which must
    /// then stay.
    pub(crate) fn new(
        process: &Process,
        socket: Option<&Path>,
        detached: bool,
    ) -> Result<Option<Self>, Error> {
        let wanted = process.terminal().unwrap_or(false);
        let size = process.console_size().map(window).transpose()?;
        match socket {
            None if !wanted => Ok(None),
            Some(_) if !wanted => {
                Err(Error::property("process.terminal", "is not set, and so --console-socket gets none"))
            }
            Some(path) => Ok(Some(Self { inside: socket::connect(path)?, outside: None, size })),
            None if detached => {
                let why = "needs --console-socket, because the runtime does not stay to look at it";
                Err(Error::property("process.terminal", why))
            }
            None => {
                let (outside, inside) = socket::pair()?;
                // What it looks like is up to the one that is looked at.
                let size = tcgetwinsize(stdin()).ok().or(size);
                Ok(Some(Self { inside, outside: Some(outside), size }))
            }
        }
    }

    /// Makes the terminal and gives it to the calling process ([`pty`]).
    pub(crate) fn attach(&self, owner: u32, own_mounts: bool) -> Result<(), Error> {
        pty::attach(self.inside.as_fd(), self.size, owner, own_mounts)
    }

    /// Takes the terminal that the new process has sent, if the runtime looks at it itself.
    pub(crate) fn relay(&self) -> Result<Option<Relay>, Error> {
        self.outside.as_ref().map(|outside| Relay::receive(outside.as_fd())).transpose()
    }
}

fn window(size: Size) -> Result<Winsize, Error> {
    let part = |number: u64| {
        u16::try_from(number).map_err(|_| Error::property("process.consoleSize", "is larger than a terminal"))
    };
    Ok(Winsize { ws_row: part(size.height())?, ws_col: part(size.width())?, ws_xpixel: 0, ws_ypixel: 0 })
}
