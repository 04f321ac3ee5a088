//! On which CPUs an `exec` runs (`sched_setaffinity(2)`, `cpuset(7)`; `process.execCPUAffinity`).
//!
//! A process that joins a group inherits that group's CPUs but not at once what it was on: `initial` holds while it
//! enters the container, `final` from then on.

use crate::error::{Context, Error};
use oci_spec::runtime::Process;
use rustix::thread::{CpuSet, sched_setaffinity};

/// Two sets of CPUs.
#[derive(Debug, Default)]
pub struct Affinity {
    initial: Option<CpuSet>,
    last: Option<CpuSet>,
}

impl Affinity {
    /// Checks what the configuration asks for.
    pub fn new(process: &Process) -> Result<Self, Error> {
        let Some(asked) = process.exec_cpu_affinity() else { return Ok(Self::default()) };
        let set =
            |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(parse).transpose();
        Ok(Self { initial: set(asked.initial())?, last: set(asked.cpu_affinity_final())? })
    }

    /// Before the process joins the container's groups.
    pub(crate) fn apply_initial(&self) -> Result<(), Error> {
        self.initial.as_ref().map_or(Ok(()), apply)
    }

    /// After it.
    pub(crate) fn apply_final(&self) -> Result<(), Error> {
        self.last.as_ref().map_or(Ok(()), apply)
    }
}

fn apply(set: &CpuSet) -> Result<(), Error> {
    sched_setaffinity(None, set).step("choosing the CPUs (process.execCPUAffinity)")
}

/// `0-3,7`
fn parse(text: &str) -> Result<CpuSet, Error> {
    let wrong =
        || Error::property("process.execCPUAffinity", format!("{text:?} is no list of CPUs such as 0-3,7"));
    let mut set = CpuSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = first.parse().ok().zip(last.parse().ok()).ok_or_else(wrong)?;
        if first > last || last >= CpuSet::MAX_CPU {
            return Err(wrong());
        }
        (first..=last).for_each(|cpu| set.set(cpu));
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_ranges_are_read_and_nothing_else() {
        let set = parse("0-2,5").unwrap();
        assert_eq!((0..8).filter(|&cpu| set.is_set(cpu)).collect::<Vec<_>>(), [0, 1, 2, 5]);
        for bad in ["", "a", "3-1", "0-99999999999", "1,", "-1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
