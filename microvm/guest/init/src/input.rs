//! The command's standard input, when nobody sits at a terminal: a pipe, filled from the console.
//!
//! A serial line has no end: whoever reads from it waits for ever. So the VMM frames what it sends, and the end is
//! two bytes that no data can be mistaken for; here they close the pipe, and the command's input ends as it would
//! anywhere else. Nothing is read while the pipe is full. The kernel then fills its own buffer, tells the VMM by
//! the line "request to send" to wait, and that reaches whoever writes.

use crate::console::console;
use crate::failure::{Context, Failure};
use isolab_guest::ports::{INPUT_END, INPUT_ESCAPE};
use rustix::fd::OwnedFd;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{Errno, read, write};
use rustix::pipe::{PipeFlags, pipe_with};

/// How much is read at once, in bytes.
const PIECE: usize = 4096;

/// What is on its way from the console to the command.
pub(crate) struct Input {
    pipe: OwnedFd,
    buffer: [u8; PIECE],
    /// What of the buffer is still to be written.
    waiting: core::ops::Range<usize>,
    /// Whether the last byte was the escape, and whether the end has come.
    escaped: bool,
    ended: bool,
}

impl Input {
    /// The input, and the end of it that is the command's.
    pub(crate) fn new() -> Result<(Input, OwnedFd), Failure<'static>> {
        let (commands, pipe) =
            pipe_with(PipeFlags::CLOEXEC).at("making a pipe for", c"the command's input")?;
        // A command that does not read must not keep this program from anything else.
        fcntl_setfl(&pipe, OFlags::NONBLOCK).at("setting the flags of", c"the command's input")?;
        Ok((Input { pipe, buffer: [0; PIECE], waiting: 0..0, escaped: false, ended: false }, commands))
    }

    /// The pipe, if it is what is waited for: it is full. Else the console is.
    pub(crate) fn full(&self) -> Option<&OwnedFd> {
        (!self.waiting.is_empty()).then_some(&self.pipe)
    }

    /// Takes from the console if there is nothing to write, and writes what can be written. Returns whether
    /// more may come.
    pub(crate) fn go_on(&mut self) -> bool {
        if self.waiting.is_empty() {
            match read(console(), &mut self.buffer) {
                Ok(length) => self.take(length),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => self.ended = true,
            }
        }
        while !self.waiting.is_empty() {
            match write(&self.pipe, &self.buffer[self.waiting.clone()]) {
                Ok(written) => self.waiting.start += written,
                Err(Errno::AGAIN) => return true,
                Err(Errno::INTR) => {}
                // The command has closed its input: nobody wants the rest.
                Err(_) => return false,
            }
        }
        !self.ended
    }

    /// Takes the frames off the first `length` bytes of the buffer, in place.
    fn take(&mut self, length: usize) {
        let mut kept = 0;
        for index in 0..length {
            let byte = self.buffer[index];
            let escaped = core::mem::replace(&mut self.escaped, false);
            match byte {
                INPUT_END if escaped => {
                    self.ended = true;
                    break;
                }
                INPUT_ESCAPE if !escaped => self.escaped = true,
                _ => {
                    self.buffer[kept] = byte;
                    kept += 1;
                }
            }
        }
        self.waiting = 0..kept;
    }
}
