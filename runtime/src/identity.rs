//! A process, told apart from every other of this boot (`/proc/PID/stat`, `pidfd_open(2)`).
//!
//! A number alone comes to mean another process one day. The number with the time at which the process
//! started, in clock ticks since boot, never does: that pair is what may be written to a file. To act on the
//! process, open it first and compare after: what is open cannot be exchanged any more.

use crate::error::{Context, Error};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

/// More than the kernel ever writes into one `stat`.
const STAT: usize = 1024;

/// A process's number in this PID namespace, and when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its number.
    pub pid: i32,
    /// Clock ticks since boot.
    pub start: u64,
}

impl Identity {
    /// The calling process. The kernel is asked once; a copy of the process asks again.
    pub fn this_process() -> Result<Self, Error> {
        static KNOWN: OnceLock<Identity> = OnceLock::new();
        let pid = std::process::id().cast_signed();
        if let Some(known) = KNOWN.get().filter(|known| known.pid == pid) {
            return Ok(*known);
        }
        let (start, _) = look("self").at("reading", "/proc/self/stat")?;
        let this = Self { pid, start };
        // In a copy it is taken already.
        let _ = KNOWN.set(this);
        Ok(this)
    }

    /// The process that has this number now, if there is one.
    pub fn of(pid: Pid) -> Option<Self> {
        let (start, _) = look(&pid.as_raw_nonzero().to_string()).ok()?;
        Some(Self { pid: pid.as_raw_nonzero().get(), start })
    }

    /// Whether the process still runs. A zombie does not.
    pub fn is_alive(self) -> bool {
        look(&self.pid.to_string())
            .is_ok_and(|(start, state)| start == self.start && !matches!(state, b'Z' | b'X'))
    }

    /// A descriptor of the process; `None` if it has gone.
    pub fn open(self) -> Result<Option<OwnedFd>, Error> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(None) };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(self.is_alive().then_some(pidfd)),
            Err(Errno::SRCH) => Ok(None),
            Err(source) => Err(Error::Step { step: "opening the container's process", source }),
        }
    }
}

/// The start time and the state's letter.
fn look(process: &str) -> io::Result<(u64, u8)> {
    let mut buffer = [0; STAT];
    let length = File::open(format!("/proc/{process}/stat"))?.read(&mut buffer)?;
    parse(&buffer[..length]).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse(line: &[u8]) -> Option<(u64, u8)> {
    // The second word is the program's name in parentheses, and may hold anything; the 22nd is the start.
    let end_of_name = line.iter().rposition(|&byte| byte == b')')?;
    let mut words = line.get(end_of_name + 2..)?.split(|&byte| byte == b' ');
    let state = *words.next()?.first()?;
    let start = std::str::from_utf8(words.nth(18)?).ok()?.parse().ok()?;
    Some((start, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_one_with_another_start_is_not() {
        let this = Identity::this_process().unwrap();
        assert!(this.is_alive() && this.open().unwrap().is_some());
        let other = Identity { start: this.start + 1, ..this };
        assert!(!other.is_alive() && other.open().unwrap().is_none());
        assert!(!Identity { pid: 0, start: 0 }.is_alive());
    }

    #[test]
    fn a_name_may_hold_anything() {
        let line = b"7 (a) R 1 (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(parse(line), Some((4242, b'S')));
        for cut in 0..line.len() - 8 {
            let _ = parse(&line[..cut]);
        }
    }
}
