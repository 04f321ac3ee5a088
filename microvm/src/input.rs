//! Standard input, on its way to the guest's console (`poll(2)`, `eventfd(2)`).
//!
//! A thread of its own: with the interrupt controllers in the kernel, the vCPU's thread stays in `KVM_RUN` even
//! while the guest sleeps, and cannot wait for anything else. The thread waits for input or for the guest's
//! end, whichever comes first.

use crate::Error;
use crate::devices::console::Console;
use crate::terminal::Raw;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use rustix::stdio::stdin;
use std::io::{self, Write};

/// Ctrl-A: the next key is for the VMM. `x` ends it, another Ctrl-A goes to the guest as one.
const ESCAPE: u8 = 1;
const QUIT: u8 = b'x';

/// Tells the thread that the guest has ended.
#[derive(Debug)]
pub struct End(OwnedFd);

impl End {
    /// The guest has not ended yet.
    pub fn new() -> Result<End, Error> {
        eventfd(0, EventfdFlags::CLOEXEC).map(End).map_err(|error| Error::Event(error.into()))
    }

    /// It has ended.
    pub fn tell(&self) {
        // A counter that is written once has room for it.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

/// Hands standard input to `console` until it ends or the guest does. `terminal` is the one it comes from.
pub fn relay<W: Write>(console: &Console<W>, end: &End, terminal: Option<&Raw>) -> Result<(), Error> {
    let mut keys = Keys::default();
    let mut buffer = [0; 64];
    while wait(end).map_err(Error::Input)? {
        let read = match rustix::io::read(stdin(), &mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(error) => return Err(Error::Input(error.into())),
        };
        let Some(terminal) = terminal else {
            if console.receive(&buffer[..read])? {
                continue;
            }
            break;
        };
        let mut forward = Vec::with_capacity(read);
        let quit = buffer[..read].iter().any(|&key| keys.press(key, &mut forward));
        if quit {
            terminal.leave();
            kill_process(getpid(), Signal::TERM).map_err(|error| Error::Input(error.into()))?;
        }
        if !console.receive(&forward)? {
            break;
        }
    }
    Ok(())
}

/// Waits for input: `true`; or for the guest's end: `false`.
fn wait(end: &End) -> io::Result<bool> {
    loop {
        let mut events =
            [PollFd::new(&end.0, PollFlags::IN), PollFd::from_borrowed_fd(stdin(), PollFlags::IN)];
        match poll(&mut events, None) {
            Ok(_) if !events[0].revents().is_empty() => return Ok(false),
            Ok(_) if !events[1].revents().is_empty() => return Ok(true),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
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
