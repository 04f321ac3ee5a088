//! The terminal on standard input, handed to the guest (`termios(3)`).
//!
//! A terminal edits lines, echoes, and turns Ctrl-C into a signal. In raw mode it does none of this: each key
//! goes to the guest, whose own terminal does it there. However the VMM ends, unless it is killed, the terminal
//! must be as it was: a shell on a raw terminal does not show what is typed.

use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::io;
use std::panic;
use std::sync::OnceLock;

/// The terminal as it was. A signal's handler reads it too.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// A terminal in raw mode. When dropped, it is as it was before.
pub struct Raw(());

impl Raw {
    /// Puts the terminal on standard input in raw mode; `None` if there is none.
    pub fn enter() -> io::Result<Option<Raw>> {
        if !isatty(stdin()) {
            return Ok(None);
        }
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        let _ = BEFORE.set(before);
        // A panic may be the end of the process: nothing is dropped then.
        let say = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            restore();
            say(what);
        }));
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        Ok(Some(Raw(())))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

/// Puts the terminal back as it was, if it is raw. Safe in a signal's handler.
pub fn restore() {
    if let Some(before) = BEFORE.get() {
        // Nothing can be done about a terminal that has gone away, and nobody is there to be told.
        let _ = tcsetattr(stdin(), OptionalActions::Now, before);
    }
}
