//! The end of a child: awaited for a time, forced after it, reaped.
//!
//! A child that has closed its output may still run. A descriptor of the process (`pidfd_open(2)`) becomes readable
//! when it has ended, so `poll(2)` waits for that no longer than it may. Only then is it killed, and only when it has
//! ended is it reaped (`wait4(2)`, which also says what it used): until then its number is nobody else's.

use isolab_timeline::Outcome;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::io;
use std::mem::MaybeUninit;
use std::time::Instant;

/// How a child ended.
#[derive(Clone, Copy, Debug)]
pub struct Reaped {
    /// Its exit status, and what it used.
    pub outcome: Outcome,
    /// It had not ended by the deadline and was killed.
    pub late: bool,
}

/// Waits until this child of the lab has ended, kills it if that lasts beyond `deadline`, and reaps it.
pub fn reap(child: Pid, deadline: Instant) -> io::Result<Reaped> {
    let process = pidfd_open(child, PidfdFlags::empty())?;
    let late = !wait(&mut [PollFd::new(&process, PollFlags::IN)], deadline)?;
    if late {
        // It may end just now; then there is nothing to kill, and it is reaped all the same.
        let _ = kill_process(child, Signal::KILL);
    }
    Ok(Reaped { outcome: wait4(child)?, late })
}

/// Waits until one of `what` is ready. Returns whether that was before the deadline.
pub(crate) fn wait(what: &mut [PollFd<'_>], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(what, Some(&timeout)) {
            Err(Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}

fn wait4(child: Pid) -> io::Result<Outcome> {
    let child = child.as_raw_nonzero().get();
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are to local variables of the types that the call fills in.
        if unsafe { libc::wait4(child, &raw mut status, 0, usage.as_mut_ptr()) } == child {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: an all-zero `rusage` is valid, and the call has filled it in besides.
    let usage = unsafe { usage.assume_init() };
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    let status =
        if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) };
    Ok(Outcome {
        status,
        user_us: micros(usage.ru_utime),
        system_us: micros(usage.ru_stime),
        minor_faults: usage.ru_minflt as u64,
        major_faults: usage.ru_majflt as u64,
        voluntary_switches: usage.ru_nvcsw as u64,
        involuntary_switches: usage.ru_nivcsw as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Duration;

    fn shell(script: &str) -> Pid {
        Pid::from_child(&Command::new("/bin/sh").args(["-c", script]).spawn().unwrap())
    }

    #[test]
    fn who_ends_in_time_is_reaped_and_who_does_not_is_killed() {
        let in_time = reap(shell("exit 7"), Instant::now() + Duration::from_secs(60)).unwrap();
        assert_eq!((in_time.outcome.status, in_time.late), (7, false));
        let late = reap(shell("exec sleep 600"), Instant::now()).unwrap();
        assert_eq!((late.outcome.status, late.late), (128 + libc::SIGKILL, true));
    }
}
