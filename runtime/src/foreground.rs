//! The foreground: what the runtime does while the container's process runs (`poll(2)`, `pidfd_open(2)`).
//!
//! It hands on the signals that it gets, copies between the terminals if the process has one, and ends as
//! the process does. One wait for all of it, so nothing can be missed between two.

use crate::clone::Child;
use crate::console::Relay;
use crate::error::{Context, Error, FAILED};
use crate::signals::{Blocked, Event};
use crate::spare;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use rustix::time::Timespec;
use std::os::fd::AsFd;

/// When nothing has happened for so long, this process will have to wait a while, and gives back what memory it can: of
/// a container that ends before, nothing of it is paid for.
const A_WHILE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Waits for the end of `child`. Returns its exit status, or 128 + the signal that killed it.
pub(crate) fn until_end_of(child: &Child, signals: &Blocked, mut relay: Option<Relay>) -> Result<i32, Error> {
    let mut limit = Some(&A_WHILE);
    loop {
        let (input, terminal) = match &relay {
            Some(relay) if !relay.is_over() => {
                let [input, terminal] = relay.wishes();
                let [ended, _, input, terminal] =
                    wait([process(child), queue(signals), input, terminal], &mut limit)?;
                if !ended.is_empty() {
                    break;
                }
                (input, terminal)
            }
            _ => {
                let [ended, _] = wait([process(child), queue(signals)], &mut limit)?;
                if !ended.is_empty() {
                    break;
                }
                (PollFlags::empty(), PollFlags::empty())
            }
        };
        if let Some(relay) = &mut relay {
            relay.copy(input, terminal);
        }
        while let Some(event) = signals.next() {
            match (event, &relay) {
                (Event::Child, _) => {}
                (Event::Signal(Signal::WINCH), Some(relay)) => relay.resize(),
                (Event::Signal(signal), _) => match pidfd_send_signal(&child.pidfd, signal) {
                    // It has just ended; its status is the next to be read.
                    Ok(()) | Err(Errno::SRCH) => {}
                    error => error.step("forwarding a signal")?,
                },
            }
        }
    }
    if let Some(relay) = &mut relay {
        relay.drain();
    }
    let ended = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED)
        .step("waiting for the container")?;
    let status = ended.and_then(|ended| {
        ended.exit_status().or_else(|| ended.terminating_signal().map(|signal| 128 + signal))
    });
    Ok(status.unwrap_or(FAILED))
}

fn process(child: &Child) -> PollFd<'_> {
    PollFd::new(&child.pidfd, PollFlags::IN)
}

fn queue(signals: &Blocked) -> PollFd<'_> {
    PollFd::from_borrowed_fd(signals.queue(), PollFlags::IN)
}

/// What each of them is ready for. The first time that none is within the `limit`, memory is given back.
fn wait<const N: usize>(
    mut all: [PollFd<'_>; N],
    limit: &mut Option<&Timespec>,
) -> Result<[PollFlags; N], Error> {
    match poll(&mut all, *limit) {
        Ok(ready) => {
            if ready == 0 && limit.take().is_some() {
                spare::give_back();
            }
            Ok(all.map(|one| one.revents()))
        }
        Err(Errno::INTR) => Ok([PollFlags::empty(); N]),
        Err(source) => Err(Error::Step { step: "waiting for the container", source }),
    }
}
