//! A small init: PID 1 of a container whose program should be no PID 1 (`pid_namespaces(7)`, `waitpid(2)`).
//!
//! Orphans become the children of PID 1, and most programs do not expect any; and the kernel ignores signals to
//! PID 1 for which it has no handler. This one reaps whatever ends and hands on every signal.

use crate::error::FAILED;
use crate::signals::{Blocked, Event};
use rustix::process::{Pid, WaitOptions, kill_process, wait};

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
