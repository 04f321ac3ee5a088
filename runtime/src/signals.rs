//! Signals: how an end, a Ctrl-C or a `kill` travels through the runtime (`signal(7)`, `signalfd(2)`).
//!
//! The runtime and an init inside have no handlers: they block every signal *before* there is a child and read
//! them one by one from a descriptor, so none is lost between a check and a wait, and one `poll(2)` waits
//! for a signal and for anything else.
//!
//! The container's processes are in sessions of their own, so the terminal signals the runtime alone, and it
//! forwards what it gets.

use crate::cgroup::detect::read_at_once;
use crate::error::{Context, Error};
use nix::sys::signal::{SigSet, SigmaskHow, Signal as Name};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::Signal;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

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

/// What has come.
#[derive(Debug)]
pub(crate) enum Event {
    /// A child may have ended.
    Child,
    /// A signal to forward.
    Signal(Signal),
}

impl Event {
    /// A signal that asks the runtime itself to end, as long as there is nobody to forward it to.
    pub(crate) fn ends(&self) -> Option<i32> {
        match self {
            Event::Signal(signal @ (Signal::INT | Signal::TERM | Signal::HUP | Signal::QUIT)) => {
                Some(signal.as_raw())
            }
            _ => None,
        }
    }
}

/// The signals that are blocked while this lives. When it drops, the mask is as it was.
#[derive(Debug)]
pub(crate) struct Blocked {
    original: SigSet,
    queue: SignalFd,
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
        let queue = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .step("opening the queue of signals")?;
        Ok(Self { original, queue })
    }

    /// Readable when there is a signal.
    pub(crate) fn queue(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }

    /// The next signal, if there is one.
    pub(crate) fn next(&self) -> Option<Event> {
        let info = self.queue.read_signal().ok()??;
        if info.ssi_signo == libc::SIGCHLD as u32 {
            return Some(Event::Child);
        }
        signal_numbered(info.ssi_signo.cast_signed()).map(Event::Signal)
    }

    /// Waits for the next signal.
    pub(crate) fn wait(&self) -> Event {
        loop {
            // Only a stop and a continue can interrupt it.
            let _ = poll(&mut [PollFd::new(&self.queue, PollFlags::IN)], None);
            if let Some(event) = self.next() {
                return event;
            }
        }
    }

    /// Has a program that is started by `command` get the mask that this process was started with.
    pub(crate) fn restore_in(&self, command: &mut Command) {
        let original = self.original;
        let restore = move || original.thread_set_mask().map_err(std::io::Error::from);
        // SAFETY: between fork and exec it makes one system call and nothing else.
        unsafe { command.pre_exec(restore) };
    }

    /// Leaves them blocked until this process ends, which it is about to. A signal that comes now is too late: its
    /// death would tell the caller that what has been made was not.
    pub(crate) fn stay(self) {
        std::mem::forget(self);
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

/// The signal of this number. Real-time ones have no names, and the C library keeps two of them to itself.
pub(crate) fn signal_numbered(number: i32) -> Option<Signal> {
    let named = Signal::from_named_raw(number);
    let real_time = (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number);
    // SAFETY: the number is one of a real-time signal that the C library does not use.
    named.or_else(|| real_time.then(|| unsafe { Signal::from_raw_unchecked(number) }))
}

/// Gives every signal that is ignored its default disposition. `execve(2)` does so for handlers only: what the
/// runtime's caller ignored, the command would ignore too. Which those are the kernel says in one line of
/// `/proc/self/status`; to ask for each would be as many calls as there are signals.
pub(crate) fn default_dispositions() {
    let ignored = read_at_once("/proc/self/status").ok().and_then(|text| ignored(&text));
    let ignored = ignored.unwrap_or(u64::MAX);
    (1..=libc::SIGSYS).filter(|signal| ignored >> (signal - 1) & 1 == 1).for_each(default_disposition);
}

fn ignored(status: &[u8]) -> Option<u64> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"SigIgn:\t"))?;
    u64::from_str_radix(std::str::from_utf8(line).ok()?, 16).ok()
}

fn default_disposition(signal: i32) {
    // SAFETY: the default disposition runs no code of this program.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}
