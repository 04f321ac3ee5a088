//! The console, which is the command's standard input and error, and its output unless marks are wanted
//! (`termios(3)`).
//!
//! The kernel gives it to this program as a terminal: it echoes, edits, and ends lines with two bytes. That is
//! right where somebody sits in front of it. Else the other end is a pipe, and what the command writes shall come
//! out byte for byte. What comes in stays in lines, for one reason: a byte in the stream must say where it
//! ends, and that a terminal has (Ctrl-D).

use crate::failure::{Context, Failure};
use rustix::fd::BorrowedFd;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, tcdrain, tcgetattr,
    tcsetattr,
};

/// What a terminal's special key is set to when there shall be none.
const NO_KEY: u8 = 0;

/// All keys but the one that ends the input.
const KEYS: [SpecialCodeIndex; 12] = [
    SpecialCodeIndex::VINTR,
    SpecialCodeIndex::VQUIT,
    SpecialCodeIndex::VERASE,
    SpecialCodeIndex::VKILL,
    SpecialCodeIndex::VSTART,
    SpecialCodeIndex::VSTOP,
    SpecialCodeIndex::VSUSP,
    SpecialCodeIndex::VEOL,
    SpecialCodeIndex::VREPRINT,
    SpecialCodeIndex::VWERASE,
    SpecialCodeIndex::VLNEXT,
    SpecialCodeIndex::VEOL2,
];

/// The console, as the kernel has opened it for this program.
pub(crate) fn console() -> BorrowedFd<'static> {
    // SAFETY: this program never closes its standard error.
    unsafe { rustix::stdio::stderr() }
}

/// Makes the console a pipe.
pub(crate) fn plain() -> Result<(), Failure<'static>> {
    change(|modes| {
        modes.input_modes = InputModes::empty();
        modes.output_modes = OutputModes::empty();
        modes.local_modes = LocalModes::ICANON;
        for key in KEYS {
            modes.special_codes[key] = NO_KEY;
        }
    })
}

fn change(to: impl FnOnce(&mut Termios)) -> Result<(), Failure<'static>> {
    let mut modes = tcgetattr(console()).at("asking for the modes of", c"/dev/console")?;
    to(&mut modes);
    tcsetattr(console(), OptionalActions::Now, &modes).at("setting the modes of", c"/dev/console")
}

/// Waits until all that was written has gone out: the serial line sends from a buffer of the kernel's.
pub(crate) fn drain() {
    // Without a console nothing was written.
    let _ = tcdrain(console());
}
