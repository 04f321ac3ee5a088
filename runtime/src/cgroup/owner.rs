//! The owner of a group is in its name, so the record exists from the moment the group does.
//!
//! `run-PID-START`: the runtime's process number and its start time in clock ticks since boot
//! (`/proc/PID/stat`, `proc(5)`). The number alone would come to mean another process one day; both
//! together never do.

use super::detect::read_whole;
use crate::error::{Context, Error};
use std::fmt;
use std::str::FromStr;

/// A process, told apart from every other of this boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pid: u32,
    start: u64,
}

impl Owner {
    /// The calling process.
    pub fn this_process() -> Result<Self, Error> {
        let pid = std::process::id();
        let start = start_of("self").at("reading", "/proc/self/stat")?;
        Ok(Self { pid, start })
    }

    /// Whether it is the calling process.
    pub fn is_this_process(self) -> bool {
        Self::this_process().is_ok_and(|this| this == self)
    }

    /// Whether the process still runs.
    pub fn is_alive(self) -> bool {
        start_of(&self.pid.to_string()).is_ok_and(|start| start == self.start)
    }
}

fn start_of(process: &str) -> std::io::Result<u64> {
    let line = read_whole(format!("/proc/{process}/stat"))?;
    // The second word is the program's name in parentheses, and may hold anything; the 22nd is the start.
    let name_end = line.iter().rposition(|&byte| byte == b')').unwrap_or(0);
    let text = String::from_utf8_lossy(&line[name_end..]);
    let start = text.split(' ').nth(20).and_then(|word| word.parse().ok());
    start.ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run-{}-{}", self.pid, self.start)
    }
}

/// The folder was not named by isolab.
#[derive(Debug)]
pub struct NoOwner;

impl FromStr for Owner {
    type Err = NoOwner;

    fn from_str(name: &str) -> Result<Self, NoOwner> {
        let (pid, start) = name.strip_prefix("run-").and_then(|rest| rest.split_once('-')).ok_or(NoOwner)?;
        let (pid, start) = pid.parse().ok().zip(start.parse().ok()).ok_or(NoOwner)?;
        Ok(Self { pid, start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_one_with_another_start_is_not() {
        let owner = Owner::this_process().unwrap();
        assert!(owner.is_alive());
        assert!(!Owner { start: owner.start + 1, ..owner }.is_alive());
        assert_eq!(owner.to_string().parse::<Owner>().unwrap(), owner);
        assert!("run-1".parse::<Owner>().is_err() && "other".parse::<Owner>().is_err());
    }
}
