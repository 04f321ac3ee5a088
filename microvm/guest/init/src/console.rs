//! The console: the serial line, which the kernel gives to this program as a terminal (`termios(3)`).
//!
//! A terminal echoes, edits, and ends lines with two bytes. That is right where somebody sits in front of it. Else
//! the other end is a pipe, and what the command writes shall come out byte for byte.

use crate::failure::{Context, Failure};
use rustix::fd::BorrowedFd;
use rustix::fs::{Mode, OFlags, open};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use rustix::termios::{OptionalActions, tcdrain, tcgetattr, tcsetattr};

/// The console, as the kernel has opened it for this program.
pub(crate) fn console() -> BorrowedFd<'static> {
    // SAFETY: this program never closes its standard error.
    unsafe { rustix::stdio::stderr() }
}

/// Opens the console again, by its name in the root that the command sees: a program that asks for its terminal's name
/// (`ttyname(3)`) looks for the very file that is open.
pub(crate) fn reopen() -> Result<(), Failure<'static>> {
    let name = c"/dev/console";
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let console = open(name, flags, Mode::empty()).at("opening", name)?;
    dup2_stdin(&console)
        .and_then(|()| dup2_stdout(&console))
        .and_then(|()| dup2_stderr(&console))
        .at("using", name)
}

/// Makes the console as plain as a pipe.
pub(crate) fn plain() -> Result<(), Failure<'static>> {
    let mut modes = tcgetattr(console()).at("asking for the modes of", c"/dev/console")?;
    modes.make_raw();
    tcsetattr(console(), OptionalActions::Now, &modes).at("setting the modes of", c"/dev/console")
}

/// Waits until all that was written has gone out: the serial line sends from a buffer of the kernel's.
pub(crate) fn drain() {
    // Without a console nothing was written.
    let _ = tcdrain(console());
}
