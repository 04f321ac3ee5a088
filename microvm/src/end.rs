//! The end of a VM with several threads: the first of them that ends, well or badly, ends all.
//!
//! The threads of vCPUs are in `KVM_RUN`, the I/O thread waits for events. Each has its own way to be called
//! back: a kick ([`crate::vcpu`]), and an event (`eventfd(2)`). All of it happens under one lock, so a thread
//! that begins to run sees an end that has come, or is in the list of those to be kicked.
//!
//! A vCPU's thread may also be waiting for standard output, which nobody reads. A kick takes it out of that too
//! ([`Until`]), unless it comes just before the thread begins to wait; so kicks are repeated.

use crate::Error;
use crate::output::lock;
use crate::vcpu::Kick;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Kicks are repeated after so long.
const AGAIN: Duration = Duration::from_millis(20);

/// How the VM ended, once it has, and who must be told.
#[derive(Debug, Default)]
struct State {
    result: Option<Result<u8, Error>>,
    /// Each under a number of its own.
    running: Vec<(usize, Kick)>,
    next: usize,
}

/// The end of a VM.
#[derive(Debug)]
pub struct End {
    state: Mutex<State>,
    /// A thread is gone.
    gone: Condvar,
    event: EventFd,
}

/// A vCPU's thread runs as long as this lives.
#[derive(Debug)]
pub struct Running<'a> {
    end: &'a End,
    number: usize,
}

impl End {
    /// It has not come yet.
    pub fn new() -> Result<End, Error> {
        let event = EventFd::new(EFD_NONBLOCK).map_err(Error::Event)?;
        Ok(End { state: Mutex::default(), gone: Condvar::new(), event })
    }

    /// A vCPU's thread begins to run; `None` if the end has come before.
    pub fn enter(&self, kick: Kick) -> Option<Running<'_>> {
        let mut state = lock(&self.state);
        if state.result.is_some() {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.running.push((number, kick));
        Some(Running { end: self, number })
    }

    /// The VM ends with `result`, unless it already has. Calls all its threads back.
    pub fn come(&self, result: Result<u8, Error>) {
        let mut state = lock(&self.state);
        if state.result.is_some() {
            return;
        }
        state.result = Some(result);
        state.running.iter().for_each(|(_, kick)| kick.kick());
        // A counter that is written once has room for it.
        let _ = self.event.write(1);
    }

    /// Whether it has come.
    pub fn has_come(&self) -> bool {
        lock(&self.state).result.is_some()
    }

    /// Readable once it has come.
    pub fn event(&self) -> &EventFd {
        &self.event
    }

    /// Waits until all vCPUs' threads are gone.
    pub fn see_off(&self) {
        let mut state = lock(&self.state);
        while !state.running.is_empty() {
            state = self.gone.wait_timeout(state, AGAIN).unwrap_or_else(PoisonError::into_inner).0;
            state.running.iter().for_each(|(_, kick)| kick.kick());
        }
    }

    /// How the VM ended, once.
    pub fn take_result(&self) -> Result<u8, Error> {
        lock(&self.state).result.take().unwrap_or(Err(Error::Asleep))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.end.state).running.retain(|(number, _)| *number != self.number);
        self.end.gone.notify_all();
    }
}

/// A writer that waits no longer than until the end comes.
#[derive(Debug)]
pub struct Until<'a, W> {
    /// What it writes to.
    pub to: W,
    /// The end.
    pub end: &'a End,
}

impl<W: Write> Write for Until<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes).map_err(|error| match error.kind() {
            // Whoever writes all takes an interruption for a reason to try again.
            io::ErrorKind::Interrupted if self.end.has_come() => io::Error::other("the VM has been ended"),
            _ => error,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_end_counts_and_is_told() {
        let end = End::new().unwrap();
        assert!(!end.has_come() && end.event().read().is_err());
        end.come(Ok(3));
        end.come(Err(Error::Asleep));
        assert!(end.has_come());
        assert_eq!(end.event().read().unwrap(), 1);
        end.see_off();
        assert_eq!(end.take_result().unwrap(), 3);
    }

    #[test]
    fn an_interrupted_write_is_tried_again_until_the_end() {
        struct Interrupted;
        impl Write for Interrupted {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::Interrupted.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let end = End::new().unwrap();
        let mut writer = Until { to: Interrupted, end: &end };
        assert_eq!(writer.write(b"x").unwrap_err().kind(), io::ErrorKind::Interrupted);
        end.come(Ok(0));
        assert_eq!(writer.write_all(b"x").unwrap_err().kind(), io::ErrorKind::Other);
    }
}
