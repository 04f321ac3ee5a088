//! The work whose price is measured, and how much of it.

use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use isolab_workload::work::PAGE;
use serde::{Deserialize, Serialize};

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Integers: the CPU alone.
    Cpu,
    /// The cheapest system call: the border between a process and its kernel.
    Syscall,
    /// Another process's turn and back over a pipe: two context switches on one CPU.
    Switch,
    /// A page of memory touched and taken back.
    Fault,
    /// A page of a file that is in the cache.
    Read,
    /// A page of memory touched that the stack has never had before.
    Touch,
    /// A port write: the border between a guest and its VMM.
    Cross,
}

/// The larger size is so many times the smaller one.
const TIMES: u64 = 10;

impl Work {
    /// All of it, in the order in which tables and charts list it.
    pub const ALL: [Work; 7] =
        [Work::Cpu, Work::Syscall, Work::Switch, Work::Fault, Work::Read, Work::Touch, Work::Cross];

    /// Its name, as in sentences and over charts.
    pub const fn name(self) -> &'static str {
        match self {
            Work::Cpu => "integer work",
            Work::Syscall => "system calls",
            Work::Switch => "switches over a pipe",
            Work::Fault => "page faults",
            Work::Read => "file reads",
            Work::Touch => "first touch of memory",
            Work::Cross => "exits to the VMM",
        }
    }

    /// What one operation is.
    pub const fn operation(self) -> &'static str {
        match self {
            Work::Cpu => "one turn: multiply, add, shift, exclusive or",
            Work::Syscall => "one getppid",
            Work::Switch => "a byte to another process and back: two switches",
            Work::Fault => "one page touched and given back",
            Work::Read => "one pread of 4 KiB, cached",
            Work::Touch => "one page the stack has never had before",
            Work::Cross => "one port write",
        }
    }

    /// The two sizes that are launched. Their difference in time, by their difference in operations, is the price of
    /// one: whatever a launch costs besides is in both.
    pub fn sizes(self) -> [Workload; 2] {
        let kind = |number: u64| match self {
            Work::Cpu => Kind::Cpu(1_000_000 * number),
            Work::Syscall => Kind::Syscall(10_000 * number),
            Work::Switch => Kind::Switch(1_000 * number),
            Work::Fault => Kind::Fault(2_000 * number),
            Work::Read => Kind::Read(5_000 * number),
            Work::Touch => Kind::Touch(4 * number),
            Work::Cross => Kind::Cross(1_000 * number),
        };
        [1, TIMES].map(|number| Workload(kind(number)))
    }

    /// What work a workload is, and of how many operations; `None` for one that is none of these.
    pub const fn of(workload: Workload) -> Option<(Work, u64)> {
        match workload.0 {
            Kind::Cpu(count) => Some((Work::Cpu, count)),
            Kind::Syscall(count) => Some((Work::Syscall, count)),
            Kind::Switch(count) => Some((Work::Switch, count)),
            Kind::Fault(count) => Some((Work::Fault, count)),
            Kind::Read(count) => Some((Work::Read, count)),
            Kind::Touch(mib) => Some((Work::Touch, mib * ((1 << 20) / PAGE as u64))),
            Kind::Cross(count) => Some((Work::Cross, count)),
            Kind::Noop | Kind::Wait => None,
        }
    }

    /// Whether, in this stack, a guest's kernel code or its exits are part of it: what a KVM that emulates a guest's
    /// kernel makes dearer than hardware would. The unikernel computes in ring 3, and only leaves it to cross and for
    /// memory.
    pub const fn needs_guest_kernel(self, stack: Stack) -> bool {
        stack.runs_a_guest() && (stack.boots_linux() || matches!(self, Work::Cross | Work::Touch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_work_is_known_by_its_two_sizes() {
        for work in Work::ALL {
            let [small, large] = work.sizes().map(|size| Work::of(size).unwrap());
            assert_eq!((small.0, large.0, large.1), (work, work, TIMES * small.1));
        }
        assert_eq!(Work::of("touch 2".parse().unwrap()), Some((Work::Touch, 512)), "pages");
        assert_eq!(Work::of("noop".parse().unwrap()), None);
    }

    #[test]
    fn a_unikernel_computes_without_a_kernel() {
        let needs = |work: Work, stack| work.needs_guest_kernel(stack);
        assert!(!needs(Work::Cpu, Stack::Unikernel) && needs(Work::Cross, Stack::Unikernel));
        assert!(needs(Work::Touch, Stack::Unikernel) && needs(Work::Cpu, Stack::Microvm));
        assert!(Work::ALL.iter().all(|&work| !needs(work, Stack::Process) && !needs(work, Stack::Container)));
    }
}
