//! Signals, as something to wait for along with other things (`signalfd(2)`, `sigprocmask(2)`).
//!
//! PID 1 blocks all signals and reads them from a descriptor. The mask is inherited, so the command gets an empty
//! one back.

use crate::failure::{Context, Failure, errno};
use isolab_workload::linux::syscall;
use rustix::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::{Errno, read};
use rustix::process::Signal;

const RT_SIGPROCMASK: usize = 14;
const SIGNALFD4: usize = 289;
const CLOEXEC_NONBLOCK: usize = 0o2_000_000 | 0o4_000;
const NONE: u64 = 0;
const ALL: u64 = u64::MAX;
/// What is waited for: the end of a child, and what the command shall get. Others (SIGPIPE, which a command that
/// closes its input causes) are for nobody.
static AWAITED: u64 = set(&[
    Signal::CHILD,
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
]);
/// The size of the kernel's set of signals, in bytes.
const SET: usize = size_of::<u64>();
/// "Set the mask to this."
const SETMASK: usize = 2;
/// The size of `struct signalfd_siginfo`, which begins with the signal's number.
const RECORD: usize = 128;

/// Signals that arrive.
#[derive(Debug)]
pub(crate) struct Signals(OwnedFd);

impl Signals {
    /// Blocks all signals; from now on they wait to be read.
    pub(crate) fn block() -> Result<Signals, Failure<'static>> {
        set_mask(ALL).at("blocking", c"signals")?;
        let words = [usize::MAX, (&raw const AWAITED) as usize, SET, CLOEXEC_NONBLOCK, 0, 0];
        // SAFETY: the kernel reads one set of signals.
        let result = unsafe { syscall(SIGNALFD4, words) };
        if result < 0 {
            return Err(errno(result)).at("opening a descriptor for", c"signals");
        }
        // SAFETY: the kernel has just made this descriptor for this caller.
        Ok(Signals(unsafe { OwnedFd::from_raw_fd(result as i32) }))
    }

    /// The next signal that has arrived, if one has.
    pub(crate) fn next(&self) -> Option<Signal> {
        let mut record = [0; RECORD];
        let read = read(&self.0, &mut record).ok()?;
        let number = record[..read].first_chunk().map(|number| i32::from_ne_bytes(*number))?;
        Signal::from_named_raw(number)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Lets all signals in again: for a child, before it becomes the command.
pub(crate) fn unblock() -> Result<(), Failure<'static>> {
    set_mask(NONE).at("unblocking", c"signals")
}

/// A set of signals as the kernel wants it: a bit for each, the first one's being the lowest.
const fn set(signals: &[Signal]) -> u64 {
    let (mut set, mut index) = (0, 0);
    while index < signals.len() {
        set |= 1 << (signals[index].as_raw() - 1);
        index += 1;
    }
    set
}

fn set_mask(set: u64) -> Result<(), Errno> {
    // SAFETY: the kernel reads one set of signals. No signal has a handler, so none is surprised.
    match unsafe { syscall(RT_SIGPROCMASK, [SETMASK, (&raw const set) as usize, 0, SET, 0, 0]) } {
        0 => Ok(()),
        result => Err(errno(result)),
    }
}
