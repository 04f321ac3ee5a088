//! The command's standard input, when nobody sits at a terminal: a pipe, filled from the VMM's input port.
//!
//! The port is read until it has nothing, or until it says that there will be nothing more; that closes the pipe,
//! and the command's input ends as it would anywhere else. A port cannot be waited for. But a VMM whose guest has
//! found nothing sends a byte down the serial line when there is something, and the console can be. Nothing is
//! fetched while the pipe is full, and so it reaches whoever writes that the command is slow.

use crate::console::console;
use crate::failure::{Context, Failure};
use isolab_guest::port::input_all;
use isolab_guest::ports::{INPUT, INPUT_ENDED, INPUT_MOST};
use rustix::fd::OwnedFd;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{Errno, read, write};
use rustix::pipe::{PipeFlags, pipe_with};

/// What is on its way from the VMM to the command.
pub(crate) struct Input {
    pipe: OwnedFd,
    buffer: [u8; INPUT_MOST],
    /// What of the buffer is still to be written.
    waiting: core::ops::Range<usize>,
    /// Whether the port may have something, whatever the console says.
    eager: bool,
    ended: bool,
}

impl Input {
    /// The input, and the end of it that is the command's.
    pub(crate) fn new() -> Result<(Input, OwnedFd), Failure<'static>> {
        let (commands, pipe) =
            pipe_with(PipeFlags::CLOEXEC).at("making a pipe for", c"the command's input")?;
        // A command that does not read must not keep this program from anything else.
        fcntl_setfl(&pipe, OFlags::NONBLOCK).at("setting the flags of", c"the command's input")?;
        Ok((Input { pipe, buffer: [0; INPUT_MOST], waiting: 0..0, eager: true, ended: false }, commands))
    }

    /// The pipe, if it is what is waited for: it is full. Else the console is.
    pub(crate) fn full(&self) -> Option<&OwnedFd> {
        (!self.waiting.is_empty()).then_some(&self.pipe)
    }

    /// Whether there is something to do without being told: the last look at the port was worth it.
    pub(crate) fn is_eager(&self) -> bool {
        self.eager && self.waiting.is_empty()
    }

    /// Fetches a piece if there is nothing to write, and writes what can be written. Returns whether more may come.
    pub(crate) fn go_on(&mut self) -> bool {
        if self.waiting.is_empty() {
            if !self.eager {
                // All that the console says is "look".
                let _ = read(console(), &mut self.buffer);
            }
            self.fetch();
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

    /// Takes a frame from the port.
    fn fetch(&mut self) {
        let mut length = [0; 2];
        input_all(INPUT, &mut length);
        let length = u16::from_le_bytes(length);
        self.ended = length == INPUT_ENDED;
        self.waiting = 0..if self.ended { 0 } else { usize::from(length).min(INPUT_MOST) };
        self.eager = !self.waiting.is_empty();
        input_all(INPUT, &mut self.buffer[self.waiting.clone()]);
    }
}
