//! A small init: PID 1 of a container whose program should be no PID 1 (`pid_namespaces(7)`, `waitpid(2)`).
//!
//! Orphans become the children of PID 1, and most programs do not expect any; and the kernel ignores signals to
//! PID 1 for which it has no handler. This one reaps whatever ends and hands on every signal.

use crate::error::{Context, Error, FAILED};
use crate::signals::{Blocked, Event};
use nix::sys::signal::{SIGTTOU, SigSet};
use rustix::process::{Pid, WaitOptions, getpid, kill_process, setpgid, setsid, wait};
use rustix::stdio::stdin;
use rustix::termios::tcsetpgrp;
use std::os::fd::AsRawFd as _;

/// Puts the calling process, which is to become the command, apart from the init: what a terminal sends to its
/// foreground group, or the command to its own group, must not reach the init as well.
pub(crate) fn own_group(on_a_terminal: bool) -> Result<(), Error> {
    if !on_a_terminal {
        return setsid().map(drop).step("starting a session for the command");
    }
    setpgid(None, None).step("starting a process group for the command")?;
    // Who is not in the foreground is stopped for this, unless the signal is blocked; the mask is restored later.
    let mut stop = SigSet::empty();
    stop.add(SIGTTOU);
    stop.thread_block().step("blocking a signal")?;
    tcsetpgrp(stdin(), getpid()).step("putting the command into the terminal's foreground")
}

/// Closes what the init does not need, for good: it executes nothing, at which the kernel would close it.
pub(crate) fn close_all_but_the_queue(signals: &Blocked) -> Result<(), Error> {
    let queue = signals.queue().as_raw_fd().cast_unsigned();
    for (first, last) in [(3, queue - 1), (queue + 1, u32::MAX)] {
        // SAFETY: this process uses none of them again, and ends without dropping what it has of them
        // (`crate::clone::exit`).
        if first <= last && unsafe { libc::close_range(first, last, 0) } != 0 {
            return Err(std::io::Error::last_os_error()).step("closing the host's descriptors");
        }
    }
    Ok(())
}

/// Forwards signals to the command and reaps every orphan until the command has ended; returns its status.
pub(crate) fn reap_until_end_of(command: Pid, signals: &Blocked) -> i32 {
    loop {
        // A child that ended before the first wait has left a signal, which is blocked and so kept.
        match signals.wait() {
            Event::Child => {
                while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                    if pid == command {
                        let by_signal = status.terminating_signal().map(|signal| 128 + signal);
                        return status.exit_status().or(by_signal).unwrap_or(FAILED);
                    }
                }
            }
            // It may have ended already; then its status is the next to be read.
            Event::Signal(signal) => drop(kill_process(command, signal)),
        }
    }
}
