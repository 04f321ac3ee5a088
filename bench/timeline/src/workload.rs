//! Workloads: the kinds of [`isolab_workload`] as the lab's command line and files name them.

use isolab_workload::kind::Kind;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One kind of work with its size. Written `cpu 1000000` in files and on command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Workload(pub Kind);

impl Workload {
    /// The words that a program takes to run this workload: `["cpu", "1000000"]`.
    pub fn words(self) -> Vec<String> {
        self.to_string().split(' ').map(String::from).collect()
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Noop => write!(f, "noop"),
            Kind::Wait => write!(f, "wait"),
            Kind::Cpu(n) => write!(f, "cpu {n}"),
            Kind::Syscall(n) => write!(f, "syscall {n}"),
            Kind::Switch(n) => write!(f, "switch {n}"),
            Kind::Fault(n) => write!(f, "fault {n}"),
            Kind::Read(n) => write!(f, "read {n}"),
            Kind::Cross(n) => write!(f, "cross {n}"),
            Kind::Touch(n) => write!(f, "touch {n}"),
        }
    }
}

/// The words name no workload.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no workload; give one of: noop, cpu TURNS, syscall COUNT, switch COUNT, fault COUNT, read COUNT, cross COUNT \
     (unikernel), touch MIB, wait"
)]
pub struct UnknownWorkload(String);

impl FromStr for Workload {
    type Err = UnknownWorkload;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_ascii_whitespace();
        let kind =
            words.next().and_then(|word| Kind::parse(word.as_bytes(), words.next().map(str::as_bytes)));
        kind.filter(|_| words.next().is_none()).map(Workload).ok_or_else(|| UnknownWorkload(text.into()))
    }
}

impl TryFrom<String> for Workload {
    type Error = UnknownWorkload;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Workload> for String {
    fn from(workload: Workload) -> String {
        workload.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_read_back_as_written() {
        for text in
            ["noop", "wait", "cpu 7", "syscall 8", "cross 9", "touch 10", "switch 11", "fault 12", "read 13"]
        {
            assert_eq!(text.parse::<Workload>().unwrap().to_string(), text);
        }
        assert!("cpu".parse::<Workload>().is_err());
        assert!("cpu 1 2".parse::<Workload>().is_err());
    }
}
