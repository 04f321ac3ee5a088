//! The terminal on standard input, handed to the guest (`termios(3)`).
//!
//! A terminal edits lines, echoes, and turns Ctrl-C into a signal. In raw mode it does none of this: each key
//! goes to the guest, whose own terminal does it there.

use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::io;

/// A terminal in raw mode. When dropped, it is as it was before.
pub struct Raw(Termios);

impl Raw {
    /// Puts the terminal on standard input in raw mode; `None` if there is none.
    pub fn enter() -> io::Result<Option<Raw>> {
        if !isatty(stdin()) {
            return Ok(None);
        }
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        Ok(Some(Raw(before)))
    }

    /// Puts the terminal back as it was.
    pub fn leave(&self) {
        // Nothing can be done about a terminal that has gone away, and nobody is there to be told.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.leave();
    }
}
