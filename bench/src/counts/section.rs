//! The section `counts` of `samples.json`: every counted launch, raw.

use isolab_timeline::{Outcome, Stack, Workload};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often, by name.
pub type ByName = BTreeMap<String, u64>;

/// What launches of each stack asked for, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The work that they did.
    pub workload: Workload,
    /// The counts of each stack.
    pub stacks: BTreeMap<Stack, StackCounts>,
}

/// The counts of one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackCounts {
    /// Launches under a tracer.
    pub traced: Vec<Traced>,
    /// Launches without one.
    pub untraced: Vec<Untraced>,
    /// What could not be counted, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent: BTreeMap<Counted, String>,
}

/// What one launch asked of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// Processes and threads that it was made of, the first included.
    pub tasks: u64,
    /// System calls of all of them, by name.
    pub syscalls: ByName,
    /// Of these, ioctls by name.
    pub ioctls: ByName,
}

/// What one launch took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untraced {
    /// How it ended, with the page faults and context switches of the launched process and its reaped descendants.
    pub exit: Outcome,
    /// How often the guest came back to its VMM, by reason, as the VMM counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exits: Option<ByName>,
    /// What KVM counted of the VM, by KVM's own names; zeros included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<ByName>,
}

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// [`Traced`].
    Syscalls,
    /// [`Untraced::exit`].
    Usage,
    /// [`Untraced::exits`].
    Exits,
    /// [`Untraced::statistics`].
    Statistics,
}

impl Counted {
    /// Its name, as sentences say it.
    pub const fn name(self) -> &'static str {
        match self {
            Counted::Syscalls => "system calls",
            Counted::Usage => "page faults and context switches",
            Counted::Exits => "exits by reason",
            Counted::Statistics => "KVM's own counts",
        }
    }
}
