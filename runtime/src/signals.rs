//! Signals: how an end, a Ctrl-C or a `kill` travels through the runtime (`signal(7)`).
//!
//! The runtime and PID 1 have no handlers: they block every signal *before* there is a child and take
//! them one by one with `sigwaitinfo(2)`, so none is lost between a check and a wait.
//!
//! Who sends decides who forwards. Ctrl-C comes from the terminal, which signals the whole foreground
//! group: the runtime *and* PID 1 (the command is in a session of its own, see [`crate::command`]). So
//! the runtime leaves the kernel's signals to PID 1, which hands them to the command's group, as the
//! terminal would have, and forwards what a user sent to it alone.

use crate::error::{Context, Error};
use nix::sys::signal::{SigSet, SigmaskHow, Signal as Name};
use rustix::io::Errno;
use rustix::process::Signal;
use std::mem::MaybeUninit;

/// Faults, which belong to the process that makes them, and the stops of a background process that
/// touches the terminal.
const NOT_BLOCKED: [Name; 9] = [
    Name::SIGSEGV,
    Name::SIGBUS,
    Name::SIGFPE,
    Name::SIGILL,
    Name::SIGTRAP,
    Name::SIGSYS,
    Name::SIGABRT,
    Name::SIGTTIN,
    Name::SIGTTOU,
];

/// What [`Blocked::wait`] waited for.
#[derive(Debug)]
pub(crate) enum Event {
    /// A child may have ended.
    Child,
    /// A signal to forward.
    Signal {
        /// Which.
        signal: Signal,
        /// It comes from the kernel (in practice: the terminal), not from a process.
        from_kernel: bool,
    },
}

/// The signals that are blocked while this lives. When it drops, the mask is as it was.
#[derive(Debug)]
pub(crate) struct Blocked {
    set: SigSet,
    original: SigSet,
}

impl Blocked {
    /// Blocks them, and makes sure that children can be waited for.
    pub(crate) fn block() -> Result<Self, Error> {
        // A parent that ignores SIGCHLD hands that down, and then the kernel would discard exit statuses.
        default_disposition(libc::SIGCHLD);
        let mut set = SigSet::all();
        for signal in NOT_BLOCKED {
            set.remove(signal);
        }
        let original = set.thread_swap_mask(SigmaskHow::SIG_BLOCK).step("blocking signals")?;
        Ok(Self { set, original })
    }

    /// Waits for the next signal.
    pub(crate) fn wait(&self) -> Event {
        loop {
            let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
            // SAFETY: both point to valid memory of their types, and the kernel only writes `info`.
            let signal = unsafe { libc::sigwaitinfo(self.set.as_ref(), info.as_mut_ptr()) };
            if signal < 0 {
                // Only a stop and a continue can interrupt it.
                continue;
            }
            if signal == libc::SIGCHLD {
                return Event::Child;
            }
            // SAFETY: sigwaitinfo succeeded, so it has filled `info`, and its number is a signal's (and not
            // one of the two that the C library keeps to itself: it takes them out of every set).
            let (code, signal) = unsafe { (info.assume_init().si_code, Signal::from_raw_unchecked(signal)) };
            return Event::Signal { signal, from_kernel: code > 0 };
        }
    }

    /// Gives a child the mask that this process was started with.
    pub(crate) fn restore(&self) -> Result<(), Errno> {
        self.original.thread_set_mask().map_err(|error| Errno::from_raw_os_error(error as i32))
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // Nothing depends on it but the caller's own signals, and a valid mask is not refused.
        let _ = self.restore();
    }
}

/// Gives every standard signal its default disposition. `execve(2)` does so for handlers only: what the
/// runtime's caller ignored, or Rust (SIGPIPE), the command would ignore too.
pub(crate) fn default_dispositions() {
    // KILL and STOP are refused: they cannot be ignored either.
    (1..=libc::SIGSYS).for_each(default_disposition);
}

fn default_disposition(signal: i32) {
    // SAFETY: the default disposition runs no code of this program.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}
