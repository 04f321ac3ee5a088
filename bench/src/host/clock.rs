//! Whose time it is: the machine's, or an emulator's count of instructions.
//!
//! An emulator can count instructions instead of reading a clock (QEMU's `-icount`). Then a guest's
//! `CLOCK_MONOTONIC` is that count: 1 ns an instruction, and idle waits are jumped over but counted. Such a
//! millisecond repeats from run to run, but it is no millisecond of any machine, so it has a unit of its own.
//! Nothing inside can tell the two apart; whoever starts the emulator says it on the kernel's command line.

use raw_cpuid::{CpuId, Hypervisor};
use serde::{Deserialize, Serialize};
use std::fs;

/// The word on the kernel's command line that says that time is virtual.
pub const VIRTUAL: &str = "isolab.clock=virtual-icount";

/// What all times of a run are times of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The machine's own clock, `CLOCK_MONOTONIC`.
    #[default]
    Monotonic,
    /// A count of instructions.
    VirtualIcount,
}

impl Clock {
    /// The clock of this machine, from `/proc/cmdline`.
    pub fn here() -> Clock {
        let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
        if line.split_whitespace().any(|word| word == VIRTUAL) {
            Clock::VirtualIcount
        } else {
            Clock::Monotonic
        }
    }

    /// The unit of a figure.
    pub const fn unit(self) -> &'static str {
        match self {
            Clock::Monotonic => "ms",
            Clock::VirtualIcount => "virtual ms",
        }
    }

    /// The unit of what is too short for milliseconds.
    pub const fn nanoseconds(self) -> &'static str {
        match self {
            Clock::Monotonic => "ns",
            Clock::VirtualIcount => "virtual ns",
        }
    }

    /// The unit in full.
    pub const fn unit_in_words(self) -> &'static str {
        match self {
            Clock::Monotonic => "milliseconds",
            Clock::VirtualIcount => "virtual milliseconds (1 ns an instruction)",
        }
    }

    /// What it is, for the report.
    pub const fn explained(self) -> &'static str {
        match self {
            Clock::Monotonic => "CLOCK_MONOTONIC of the host",
            Clock::VirtualIcount => {
                "virtual-icount: CLOCK_MONOTONIC of an emulated machine that counts 1 ns an instruction, idle waits included"
            }
        }
    }
}

/// Whether an emulator (QEMU's TCG) runs this machine's code, as it says in CPUID leaf `0x4000_0000`.
pub fn is_emulated() -> bool {
    CpuId::new().get_hypervisor_info().is_some_and(|found| matches!(found.identify(), Hypervisor::QEMU))
}
