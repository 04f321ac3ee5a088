//! System calls of one launch, counted by name (`ptrace(2)`).
//!
//! Counts do not depend on noise, so they tell what a stack *does* where times tell how long it took.
//! The traced child stops at the entry of each call, and so do all that it starts; tracing slows them a
//! hundredfold, so a counted launch is never a timed one.

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// How often each system call was made, by name.
pub type Counts = BTreeMap<String, u64>;

/// Runs `command` to its end with no input, and counts the calls of its program, from the program's
/// first instruction, and those of all its descendants.
pub fn count(mut command: Command) -> io::Result<Counts> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec this only makes one system call, and allocates nothing.
    unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
    let child = Pid::from_raw(command.spawn()?.id() as i32);

    let mut counts = Counts::new();
    // Who is inside a call: its next stop is the call's end.
    let mut inside = HashSet::new();
    waitpid(child, None)?;
    let family = Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK | Options::PTRACE_O_TRACECLONE;
    ptrace::setoptions(child, family | Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL)?;
    ptrace::syscall(child, None)?;
    loop {
        // Only this thread's own: children of other threads are theirs to reap.
        let status = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD))?;
        let Some(pid) = status.pid() else { continue };
        let signal = match status {
            WaitStatus::PtraceSyscall(_) => {
                if !inside.remove(&pid) {
                    let number = ptrace::getregs(pid)?.orig_rax as usize;
                    let name = syscalls::Sysno::new(number)
                        .map_or_else(|| number.to_string(), |call| call.to_string());
                    *counts.entry(name).or_default() += 1;
                    inside.insert(pid);
                }
                None
            }
            // The first stop of a new process, or the stop that says a process was made: not signals to pass on.
            WaitStatus::Stopped(_, Signal::SIGSTOP | Signal::SIGTRAP) | WaitStatus::PtraceEvent(..) => None,
            WaitStatus::Stopped(_, signal) => Some(signal),
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {
                inside.remove(&pid);
                if pid == child {
                    return Ok(counts);
                }
                continue;
            }
            _ => continue,
        };
        // It may have been killed since it stopped.
        let _ = ptrace::syscall(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_of_a_program_and_of_its_child_are_counted() {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "/bin/true; /bin/true; exit 0"]);
        assert_eq!(count(shell).unwrap()["execve"], 2);
    }
}
