//! Signals to the VMM, on their way to the guest (`signalfd(2)`).
//!
//! What a launcher or a user sends to end the work is meant for the work, and that is in the guest: init
//! there gets the signal's number on a second serial port and sends the signal to the command. A guest that
//! does not end by it is ended by the second `SIGINT` or `SIGTERM`.
//!
//! All threads block these signals, so the kernel keeps them for the descriptor. They are blocked before the
//! first thread starts, which inherits that.

use crate::Error;
use crate::devices::tty::{Feed, Tty};
use crate::end::End;
use crate::io::{listen, or_end};
use crate::vcpu::KICK;
use event_manager::{EventOps, EventSet, Events, MutEventSubscriber};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io;
use std::sync::Mutex;
use vmm_sys_util::signal::{SignalHandler, register_signal_handler};

/// Makes `handler` the one of `signal`, which is for the VMM itself.
pub(crate) fn catch(signal: libc::c_int, handler: SignalHandler) -> Result<(), Error> {
    register_signal_handler(signal, handler).map_err(|error| Error::Event(io::Error::from(error)))
}

/// The signals that go to the guest.
const FORWARDED: [Signal; 6] =
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2];

/// This thread's signals, and those of the threads it starts, are blocked as long as this lives.
#[derive(Debug)]
pub struct Blocked {
    before: SigSet,
    forwarded: SigSet,
}

impl Blocked {
    /// Blocks the signals that are for the guest, and lets kicks through.
    pub fn new() -> Result<Blocked, Error> {
        let forwarded: SigSet = FORWARDED.into_iter().collect();
        let failed = |error: nix::Error| Error::Event(error.into());
        let before = forwarded.thread_swap_mask(SigmaskHow::SIG_BLOCK).map_err(failed)?;
        SigSet::from(KICK).thread_unblock().map_err(failed)?;
        Ok(Blocked { before, forwarded })
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // It was this thread's mask, so the kernel takes it.
        let _ = self.before.thread_set_mask();
    }
}

/// The signals.
pub struct Signals<'a> {
    descriptor: SignalFd,
    control: Feed<'a, io::Sink>,
    end: &'a End,
    /// Whether one has come that asks for the end.
    asked: bool,
}

impl<'a> Signals<'a> {
    /// The signals that are `blocked`, for the guest's port `control`.
    pub fn new(
        blocked: &Blocked,
        control: &'a Mutex<Tty<io::Sink>>,
        end: &'a End,
    ) -> Result<Signals<'a>, Error> {
        let descriptor =
            SignalFd::with_flags(&blocked.forwarded, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
                .map_err(|error| Error::Event(error.into()))?;
        Ok(Signals { descriptor, control: Feed::new(control)?, end, asked: false })
    }

    /// Hands on `signal`, a number.
    fn take(&mut self, signal: u8) -> Result<(), Error> {
        if [Signal::SIGINT, Signal::SIGTERM].iter().any(|&asks| asks as u8 == signal) {
            if self.asked {
                self.end.come(Ok(128 + signal));
            }
            self.asked = true;
        }
        // As with any process, a signal that has not arrived yet does not come twice.
        if self.control.waiting().contains(&signal) { Ok(()) } else { self.control.push(&[signal]) }
    }
}

impl MutEventSubscriber for Signals<'_> {
    fn process(&mut self, _: Events, _: &mut EventOps<'_>) {
        or_end(self.control.pump(), self.end);
        while let Ok(Some(signal)) = self.descriptor.read_signal() {
            or_end(self.take(signal.ssi_signo as u8), self.end);
        }
    }

    fn init(&mut self, operations: &mut EventOps<'_>) {
        listen(operations, Events::new(self.control.room(), EventSet::IN), self.end);
        listen(operations, Events::new(&self.descriptor, EventSet::IN), self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupts::Line;
    use crate::output::Output;

    #[test]
    fn a_signal_waits_once_and_the_second_request_ends() {
        let blocked = Blocked::new().unwrap();
        let output = Output::shared(io::sink());
        let control = Mutex::new(Tty::new(output, Line::new().unwrap()).unwrap());
        let end = End::new().unwrap();
        let mut signals = Signals::new(&blocked, &control, &end).unwrap();
        for signal in [Signal::SIGUSR1, Signal::SIGTERM, Signal::SIGUSR1] {
            signals.take(signal as u8).unwrap();
        }
        assert_eq!(signals.control.waiting(), [Signal::SIGUSR1 as u8, Signal::SIGTERM as u8]);
        assert!(!end.has_come());
        signals.take(Signal::SIGINT as u8).unwrap();
        assert!(end.has_come());
        assert_eq!(end.take_result().unwrap(), 130);
    }
}
