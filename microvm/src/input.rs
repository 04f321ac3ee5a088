//! Standard input, on its way to the guest: to its console, or to the input port ([`crate::devices::input`]).
//!
//! It is read only when the guest has taken all that came before, so one that reads slowly slows the
//! writer down and fills no memory here. A file on a disk, or `/dev/null`, cannot be waited for: it is always
//! ready.

use crate::Error;
use crate::devices::input::Port;
use crate::devices::tty::{Feed, Tty};
use crate::end::End;
use crate::io::{is_always_ready, listen, or_end};
use crate::output::lock;
use event_manager::{EventOps, EventSet, Events, MutEventSubscriber};
use isolab_guest::ports::INPUT_MOST;
use rustix::io::Errno;
use rustix::stdio::stdin;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::Mutex;

/// Ctrl-A: the next key is for the VMM. `x` ends it, another Ctrl-A goes to the guest as one.
const ESCAPE: u8 = 1;
const QUIT: u8 = b'x';
/// Exit status of a VM that Ctrl-A x has ended: as after `SIGTERM`.
const QUIT_STATUS: u8 = 128 + 15;

/// What the console receives when the input port has something for a guest that sleeps. Any byte would do.
const BELL: u8 = 7;

/// How standard input goes to the guest.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    /// To the console, as keys, of which some are for the VMM: it is a terminal.
    Keys,
    /// To the console, as it is; its end is not said, because a serial line cannot say it.
    Plain,
    /// To the input port, where isolab's own init fetches it.
    Port(&'a Mutex<Port>),
}

/// How standard input is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// By an event.
    Listening,
    /// Not now: the guest has no room.
    Paused,
    /// Not at all: it can be read at any time.
    Never,
    /// No more: it has ended.
    Ended,
}

/// Standard input.
pub struct Input<'a, W: Write> {
    feed: Feed<'a, W>,
    end: &'a End,
    way: Way<'a>,
    keys: Keys,
    waiting: Waiting,
}

impl<'a, W: Write> Input<'a, W> {
    /// Standard input, for `console`, or by `way` past it.
    pub fn new(console: &'a Mutex<Tty<W>>, end: &'a End, way: Way<'a>) -> Result<Input<'a, W>, Error> {
        let (feed, keys) = (Feed::new(console)?, Keys::default());
        Ok(Input { feed, end, way, keys, waiting: Waiting::Paused })
    }

    /// Reads once. Returns whether there may be more.
    fn read(&mut self) -> Result<bool, Error> {
        let mut buffer = [0; INPUT_MOST];
        match rustix::io::read(stdin(), &mut buffer) {
            Ok(0) => {
                if let Way::Port(port) = self.way {
                    let sleeps = lock(port).end();
                    self.ring(sleeps)?;
                }
                return Ok(false);
            }
            Ok(read) => self.take(&buffer[..read])?,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(Error::Input(error.into())),
        }
        Ok(true)
    }

    /// Hands on what has been read, but for what is for the VMM.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self.way {
            Way::Plain => self.feed.push(bytes),
            Way::Keys => {
                let mut forward = Vec::with_capacity(bytes.len());
                if bytes.iter().any(|&key| self.keys.press(key, &mut forward)) {
                    self.end.come(Ok(QUIT_STATUS));
                }
                self.feed.push(&forward)
            }
            Way::Port(port) => {
                let sleeps = lock(port).fill(bytes);
                self.ring(sleeps)
            }
        }
    }

    /// Wakes a guest that sleeps. One bell is enough, however long the guest does not hear it.
    fn ring(&mut self, sleeps: bool) -> Result<(), Error> {
        if sleeps && self.feed.waiting().is_empty() { self.feed.push(&[BELL]) } else { Ok(()) }
    }

    /// Hands over what waits for the console.
    fn pump(&mut self) -> Result<(), Error> {
        if let Way::Port(port) = self.way {
            // It only says that there is room.
            let _ = lock(port).room().read();
        }
        self.feed.pump()
    }

    /// Whether the guest has taken all that was read.
    fn has_room(&self) -> bool {
        match self.way {
            Way::Port(port) => lock(port).has_room(),
            Way::Keys | Way::Plain => self.feed.waiting().is_empty(),
        }
    }

    /// Hands over what waits, reads while that is everything, and waits for what must be waited for.
    fn go_on(&mut self, ready: bool, operations: &mut EventOps<'_>) -> Result<(), Error> {
        self.pump()?;
        let mut more = true;
        if ready && self.has_room() {
            more = self.read()?;
        }
        while more && self.waiting == Waiting::Never && self.has_room() {
            more = self.read()?;
        }
        let input = Events::new_raw(stdin().as_raw_fd(), EventSet::IN);
        let listens = self.waiting == Waiting::Listening;
        if !more {
            self.waiting = Waiting::Ended;
        } else if self.waiting != Waiting::Never {
            self.waiting = if self.has_room() { Waiting::Listening } else { Waiting::Paused };
        }
        match (listens, self.waiting == Waiting::Listening) {
            (true, false) => operations.remove(input).map_err(Error::Events),
            (false, true) => operations.add(input).map_err(Error::Events),
            _ => Ok(()),
        }
    }
}

impl<W: Write> MutEventSubscriber for Input<'_, W> {
    fn process(&mut self, events: Events, operations: &mut EventOps<'_>) {
        let ready = events.fd() == stdin().as_raw_fd();
        let ended = self.waiting == Waiting::Ended;
        let result = if ended { self.pump() } else { self.go_on(ready, operations) };
        or_end(result, self.end);
    }

    fn init(&mut self, operations: &mut EventOps<'_>) {
        listen(operations, Events::new(self.feed.room(), EventSet::IN), self.end);
        if let Way::Port(port) = self.way {
            listen(operations, Events::new(lock(port).room(), EventSet::IN), self.end);
        }
        match operations.add(Events::new_raw(stdin().as_raw_fd(), EventSet::IN)) {
            Ok(()) => self.waiting = Waiting::Listening,
            Err(error) if is_always_ready(&error) => {
                self.waiting = Waiting::Never;
                let result = self.go_on(false, operations);
                or_end(result, self.end);
            }
            Err(error) => self.end.come(Err(Error::Events(error))),
        }
    }
}

/// Whether the last key was the escape.
#[derive(Default)]
struct Keys {
    escaped: bool,
}

impl Keys {
    /// Takes a key; adds what the guest shall have to `forward`. Returns whether the VMM shall end.
    fn press(&mut self, key: u8, forward: &mut Vec<u8>) -> bool {
        let escaped = std::mem::replace(&mut self.escaped, false);
        match key {
            QUIT if escaped => return true,
            ESCAPE if !escaped => self.escaped = true,
            _ => forward.push(key),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(keys: &[u8]) -> (bool, Vec<u8>) {
        let (mut state, mut forward) = (Keys::default(), Vec::new());
        let quit = keys.iter().any(|&key| state.press(key, &mut forward));
        (quit, forward)
    }

    #[test]
    fn only_the_escape_with_x_is_for_the_vmm() {
        assert_eq!(press(b"ls\x01x"), (true, b"ls".to_vec()));
        assert_eq!(press(b"x\x03\x04"), (false, b"x\x03\x04".to_vec()));
        assert_eq!(press(b"\x01\x01x"), (false, b"\x01x".to_vec()));
        assert_eq!(press(b"\x01kx"), (false, b"kx".to_vec()));
    }
}
