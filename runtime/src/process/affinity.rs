//! On which CPUs an `exec` runs (`sched_setaffinity(2)`, `cpuset(7)`; `process.execCPUAffinity`).
//!
//! A process that joins a group inherits that group's CPUs but not at once what it was on: `initial` holds while it
//! enters the container, `final` from then on.

use super::list;
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

    /// The CPUs on which the process will be when it joins the container, as a number with a bit for each.
    pub fn initial_mask(&self) -> Option<String> {
        let set = self.initial.as_ref()?;
        let digit =
            |first: usize| (0..4).filter(|bit| set.is_set(first + bit)).map(|bit| 1 << bit).sum::<u32>();
        let digits = (0..CpuSet::MAX_CPU).step_by(4).map(digit).rev();
        let digits: String =
            digits.skip_while(|&digit| digit == 0).filter_map(|each| char::from_digit(each, 16)).collect();
        Some(format!("0x{digits}"))
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

fn parse(text: &str) -> Result<CpuSet, Error> {
    let wrong = || format!("{text:?} is no list of CPUs such as 0-3,7");
    let list = list::parse(text, CpuSet::MAX_CPU)
        .ok_or_else(|| Error::property("process.execCPUAffinity", wrong()))?;
    let mut set = CpuSet::new();
    for cpu in list {
        set.set(cpu);
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_a_bit_for_each_cpu() {
        for (list, mask) in [("0", "0x1"), ("0,1", "0x3"), ("4-7", "0xf0"), ("65", "0x20000000000000000")] {
            let affinity = Affinity { initial: Some(parse(list).unwrap()), last: None };
            assert_eq!(affinity.initial_mask().unwrap(), mask);
        }
        assert_eq!(Affinity::default().initial_mask(), None);
    }
}
