//! The end of a VM with several threads: the first of them that ends, well or badly, ends all.
//!
//! The threads of vCPUs are in `KVM_RUN`, the I/O thread waits for events. Each has its own way to be called
//! back: a kick ([`crate::vcpu`]), and an event (`eventfd(2)`). All of it happens under one lock, so a thread
//! that begins to run sees an end that has come, or is in the list of those to be kicked.

use crate::Error;
use crate::output::lock;
use crate::vcpu::Kick;
use std::sync::Mutex;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

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
        Ok(End { state: Mutex::default(), event })
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

    /// How the VM ended. All its threads are gone.
    pub fn into_result(self) -> Result<u8, Error> {
        let state = self.state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.result.unwrap_or(Err(Error::Asleep))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.end.state).running.retain(|(number, _)| *number != self.number);
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
        assert_eq!(end.into_result().unwrap(), 3);
    }
}
