//! System calls of one launch by name, and its ioctls (`ptrace(2)`).
//!
//! The traced child stops at the entry and at the end of each call, and so does all that it starts: processes, threads,
//! and what these start in namespaces of their own; the tracer stands outside of them. A container's seccomp filter and
//! `no_new_privs` change nothing, since a tracer that was there before is asked first.
//!
//! Tracing slows all of them a hundredfold, so a counted launch is never a timed one; and what waits for another or for
//! the clock may ask more or less often than it does alone (`futex`, `poll`, `epoll_wait`, `restart_syscall`). Calls that
//! the vDSO answers without the kernel, such as the clock's, are none. The calls of programs in a guest go to the
//! guest's kernel: nobody sees them from here.

use super::ioctls;
use super::section::Traced;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Runs `command` to its end with no input, and counts the calls of its program, from the program's
/// first instruction, and those of all its descendants. One that has not ended after `limit` is killed, which is an
/// error, as is a status other than zero; `status` makes the workload's of the command's.
pub fn count(command: Command, limit: Duration, status: &(dyn Fn(i32) -> i32 + Sync)) -> io::Result<Traced> {
    let (tell, told) = channel();
    // In a thread of its own: what a tracer has not seen the end of is killed when the tracer ends.
    thread::scope(|scope| {
        let tracer = scope.spawn(move || trace(command, &tell, status));
        let late = told.recv().is_ok_and(|child: OwnedFd| {
            let late = matches!(told.recv_timeout(limit), Err(RecvTimeoutError::Timeout));
            // It may end just now; then there is nothing to kill.
            late && pidfd_send_signal(child, rustix::process::Signal::KILL).is_ok()
        });
        let counted = tracer.join().unwrap_or_else(|_| Err(io::Error::other("the tracing thread broke")));
        if late {
            return Err(io::Error::other(format!(
                "it had not ended after {} s and was killed",
                limit.as_secs_f64()
            )));
        }
        counted
    })
}

fn trace(mut command: Command, tell: &Sender<OwnedFd>, status_of: &dyn Fn(i32) -> i32) -> io::Result<Traced> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec this only makes one system call, and allocates nothing.
    unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
    let child = Pid::from_raw(command.spawn()?.id() as i32);

    let mut counts = Traced { tasks: 1, ..Traced::default() };
    // Who is inside a call: its next stop is the call's end.
    let mut inside = HashSet::new();
    waitpid(child, None)?;
    let family = Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK | Options::PTRACE_O_TRACECLONE;
    ptrace::setoptions(child, family | Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL)?;
    let pid = rustix::process::Pid::from_raw(child.as_raw()).ok_or(io::ErrorKind::NotFound)?;
    // Whoever waits for it is there as long as this thread.
    let _ = tell.send(pidfd_open(pid, PidfdFlags::empty())?);
    ptrace::syscall(child, None)?;
    loop {
        // Only this thread's own: children of other threads are theirs to reap.
        let status = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD))?;
        let Some(pid) = status.pid() else { continue };
        let signal = match status {
            WaitStatus::PtraceSyscall(_) => {
                // Gone since it stopped: somebody killed it.
                if !inside.remove(&pid)
                    && let Ok(registers) = ptrace::getregs(pid)
                {
                    note(&mut counts, registers.orig_rax, registers.rsi);
                    inside.insert(pid);
                }
                None
            }
            // A process or a thread was made.
            WaitStatus::PtraceEvent(..) => {
                counts.tasks += 1;
                None
            }
            // The first stop of a new process, or the one after an execve: not signals to pass on.
            WaitStatus::Stopped(_, Signal::SIGSTOP | Signal::SIGTRAP) => None,
            WaitStatus::Stopped(_, signal) => Some(signal),
            WaitStatus::Exited(ended, _) | WaitStatus::Signaled(ended, ..) if ended == child => {
                return match status {
                    WaitStatus::Exited(_, status) => match status_of(status) {
                        0 => Ok(counts),
                        status => {
                            Err(io::Error::other(format!("under the tracer it ended with status {status}")))
                        }
                    },
                    _ => Err(io::Error::other("under the tracer it was killed")),
                };
            }
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {
                inside.remove(&pid);
                continue;
            }
            _ => continue,
        };
        // It may have been killed since it stopped.
        let _ = ptrace::syscall(pid, signal);
    }
}

/// Counts one call by its number; of an ioctl the second argument is the request.
fn note(counts: &mut Traced, number: u64, second: u64) {
    let call = syscalls::Sysno::new(number as usize);
    let name = call.map_or_else(|| number.to_string(), |call| call.to_string());
    *counts.syscalls.entry(name).or_default() += 1;
    if call == Some(syscalls::Sysno::ioctl) {
        // The kernel looks at the low half only.
        *counts.ioctls.entry(ioctls::name(second as u32)).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn the_calls_of_a_program_and_of_its_children_are_counted() {
        let counts = count(shell("/bin/true; /bin/true; exit 0"), LIMIT, &|status| status).unwrap();
        assert_eq!((counts.tasks, counts.syscalls["execve"]), (3, 2));
        let more = count(shell("/bin/true; /bin/true; /bin/true; exit 0"), LIMIT, &|status| status).unwrap();
        assert_eq!((more.tasks, more.syscalls["execve"]), (4, 3));
    }

    #[test]
    fn an_ioctl_is_known_by_its_name() {
        // The shell asks whether its input is a terminal.
        let counts = count(shell("test -t 0 && exit 1; exit 0"), LIMIT, &|status| status).unwrap();
        assert!(counts.ioctls["TCGETS"] >= 1, "{:?}", counts.ioctls);
        assert_eq!(counts.ioctls.values().sum::<u64>(), counts.syscalls["ioctl"]);
    }

    #[test]
    fn a_launch_that_fails_or_does_not_end_is_an_error_and_leaves_nothing() {
        let failed =
            |script: &str, limit| count(shell(script), limit, &|status| status).unwrap_err().to_string();
        assert!(failed("exit 7", LIMIT).contains("status 7"));
        assert!(failed("kill -KILL $$", LIMIT).contains("killed"));
        let marker = format!("86400.{}", std::process::id());
        let error = failed(&format!("sleep {marker} & exec sleep {marker}"), Duration::from_millis(300));
        assert!(error.contains("had not ended after 0.3 s"), "{error}");
        let left = || {
            let processes = std::fs::read_dir("/proc").unwrap().flatten();
            let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
            lines.filter(|line| String::from_utf8_lossy(line).contains(&marker)).count()
        };
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while left() > 0 && std::time::Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(left(), 0, "what it started is gone as well");
    }
}
