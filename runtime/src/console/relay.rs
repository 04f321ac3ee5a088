//! In the foreground: the runtime between its own terminal and the container's (`termios(3)`).
//!
//! Its own is made raw: it no longer echoes, edits or turns Ctrl-C into a signal, because the container's
//! does. It is as before when the relay drops, whatever the reason. Nothing here blocks on the container: a
//! program that does not read must not keep its output from being shown.

use super::socket;
use crate::error::{Context, Error};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, read, write};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use std::os::fd::{BorrowedFd, OwnedFd};

const CHUNK: usize = 8192;

/// The runtime's part of a terminal.
#[derive(Debug)]
pub(crate) struct Relay {
    master: OwnedFd,
    /// How the runtime's own terminal was, if it has one.
    before: Option<Termios>,
    /// What was typed and not taken yet.
    typed: Vec<u8>,
    input_open: bool,
    output_open: bool,
}

impl Relay {
    /// Takes the outer end from the new process, which has sent it.
    pub(crate) fn receive(socket: BorrowedFd<'_>) -> Result<Self, Error> {
        let master = socket::receive(socket)?;
        let flags = fcntl_getfl(&master).step("looking at the terminal")?;
        fcntl_setfl(&master, flags | OFlags::NONBLOCK).step("setting up the terminal")?;
        let before = if isatty(stdin()) { tcgetattr(stdin()).ok() } else { None };
        let relay = Self { master, before, typed: Vec::new(), input_open: true, output_open: true };
        relay.resize();
        if let Some(before) = &relay.before {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(stdin(), OptionalActions::Now, &raw).step("making the terminal raw")?;
        }
        Ok(relay)
    }

    /// Gives the container's terminal the size of the runtime's.
    pub(crate) fn resize(&self) {
        if let Ok(size) = tcgetwinsize(stdin()) {
            let _ = tcsetwinsize(&self.master, size);
        }
    }

    /// What to wait for: the runtime's input, the container's terminal.
    pub(crate) fn wishes(&self) -> [PollFd<'_>; 2] {
        let input = if self.input_open && self.typed.is_empty() { PollFlags::IN } else { PollFlags::empty() };
        let mut terminal = if self.output_open { PollFlags::IN } else { PollFlags::empty() };
        if !self.typed.is_empty() {
            terminal |= PollFlags::OUT;
        }
        [PollFd::from_borrowed_fd(stdin(), input), PollFd::new(&self.master, terminal)]
    }

    /// Copies what can be copied now, after the two were found ready.
    pub(crate) fn copy(&mut self, input: PollFlags, terminal: PollFlags) {
        if self.typed.is_empty() && self.input_open && !input.is_empty() {
            let mut chunk = [0; CHUNK];
            match read(stdin(), &mut chunk) {
                Ok(0) => self.input_open = false,
                Ok(length) => self.typed.extend_from_slice(&chunk[..length]),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => self.input_open = false,
            }
        }
        if !self.typed.is_empty() {
            match write(&self.master, &self.typed) {
                Ok(length) => drop(self.typed.drain(..length)),
                Err(Errno::INTR | Errno::AGAIN) => {}
                // Nobody will read it any more.
                Err(_) => self.typed.clear(),
            }
        }
        if !terminal.is_empty() {
            self.show();
        }
    }

    /// Shows what the container has written up to its end.
    pub(crate) fn drain(&mut self) {
        while self.output_open && self.show() {}
    }

    /// `false`: there is nothing to show now.
    fn show(&mut self) -> bool {
        let mut chunk = [0; CHUNK];
        match read(&self.master, &mut chunk) {
            Err(Errno::INTR) => true,
            Err(Errno::AGAIN) => false,
            // Nobody has the inner end open any more, and the kernel calls that an error.
            Ok(0) | Err(_) => {
                self.output_open = false;
                false
            }
            Ok(length) => {
                let mut rest = &chunk[..length];
                while !rest.is_empty() {
                    match write(stdout(), rest) {
                        Ok(written) => rest = &rest[written..],
                        Err(Errno::INTR) => {}
                        // Nobody looks at it: the container goes on all the same.
                        Err(_) => break,
                    }
                }
                true
            }
        }
    }

    /// Whether both ways have ended; then there is nothing to wait for.
    pub(crate) const fn is_over(&self) -> bool {
        !self.output_open
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}
