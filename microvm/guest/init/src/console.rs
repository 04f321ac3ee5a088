//! The console: the serial line, which the kernel gives to this program as a terminal (`termios(3)`).
//!
//! A terminal echoes, edits, and ends lines with two bytes. That is right where somebody sits in front of it. Else
//! the other end is a pipe, and what the command writes shall come out byte for byte.

use crate::failure::{Context, Failure};
use rustix::fd::BorrowedFd;
use rustix::termios::{OptionalActions, tcdrain, tcgetattr, tcsetattr};

/// The console, as the kernel has opened it for this program.
pub(crate) fn console() -> BorrowedFd<'static> {
    // SAFETY: this program never closes its standard error.
    unsafe { rustix::stdio::stderr() }
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
