//! The three limits of a container that is asked for on the command line, in the words of the specification.

use oci_spec::runtime::{LinuxCpu, LinuxMemory, LinuxPids, LinuxResources};
use std::fmt;

/// A part of the machine that `contain` shares out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// Memory and swap.
    Memory,
    /// CPU time.
    Cpu,
    /// The number of processes and threads.
    Pids,
}

impl Controller {
    /// All that `contain` uses.
    pub const ALL: [Controller; 3] = [Controller::Memory, Controller::Cpu, Controller::Pids];

    /// The kernel's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Cpu => "cpu",
            Controller::Pids => "pids",
        }
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A container's share of the machine; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Bytes of memory, swap included.
    pub memory: Option<u64>,
    /// CPUs' worth of time: 0.5 is half of one.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// The kernel's own default period, in microseconds.
const CPU_PERIOD_US: f64 = 100_000.0;
/// The kernel takes no quota under a millisecond.
const CPU_QUOTA_MIN_US: f64 = 1_000.0;

impl From<&Limits> for LinuxResources {
    fn from(limits: &Limits) -> Self {
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let mut resources = LinuxResources::default();
        resources.set_memory(limits.memory.map(|bytes| {
            let mut memory = LinuxMemory::default();
            // Together they are no more than memory alone: no swap.
            memory.set_limit(Some(signed(bytes))).set_swap(Some(signed(bytes)));
            memory
        }));
        resources.set_cpu(limits.cpus.map(|cpus| {
            let mut cpu = LinuxCpu::default();
            cpu.set_quota(Some((cpus * CPU_PERIOD_US).max(CPU_QUOTA_MIN_US) as i64));
            cpu
        }));
        resources.set_pids(limits.pids.map(|count| {
            let mut pids = LinuxPids::default();
            pids.set_limit(signed(count));
            pids
        }));
        resources
    }
}
