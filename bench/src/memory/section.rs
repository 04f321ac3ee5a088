//! What the ledger's part of `samples.json` holds: every reading, raw. The figures are computed from it in
//! [`super::ledger`].

use super::group::Charged;
use super::machine::Machine;
use super::processes::Processes;
use isolab_timeline::{Stack, Workload};
use serde::{Deserialize, Serialize};

/// The memory of many idle instances, read as their number grew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// The work, at which each instance holds.
    pub workload: Workload,
    /// Memory that a VM was promised, in MiB.
    pub memory_mib: u32,
    /// How long nothing was started before each reading, in milliseconds.
    pub settle_ms: u64,
    /// Transparent huge pages of this host: `always`, `madvise`, `never` or `unknown`.
    pub thp: String,
    /// Why nothing was charged to a group of the lab's; absent when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncharged: Option<String>,
    /// One fleet after the other.
    pub fleets: Vec<Fleet>,
}

/// The readings of one fleet of one stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// The stack.
    pub stack: Stack,
    /// Whether its processes could have transparent huge pages. The ledger is of fleets that could not.
    pub huge_pages: bool,
    /// How many instances were to be started, beyond the first, which is in no figure.
    pub asked: usize,
    /// The readings, the first when only the first instance was there.
    pub points: Vec<Point>,
    /// Why it did not grow as large as it was to; absent when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Instances that died early, never began or left something behind, one a line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<String>,
}

/// One reading, between *ready* and the request to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Instances that held then, the first not counted.
    pub instances: usize,
    /// The whole machine.
    pub machine: Machine,
    /// The group in which all of it happened; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged: Option<Charged>,
    /// The instances' processes.
    pub processes: Processes,
}

impl Section {
    /// The fleet of `stack` from which its ledger is made.
    pub fn ledger_of(&self, stack: Stack) -> Option<&Fleet> {
        self.fleets.iter().find(|fleet| fleet.stack == stack && !fleet.huge_pages)
    }

    /// The fleet of `stack` that could have huge pages.
    pub fn huge_pages_of(&self, stack: Stack) -> Option<&Fleet> {
        self.fleets.iter().find(|fleet| fleet.stack == stack && fleet.huge_pages)
    }

    /// The fleets that are not as they were asked for, and why.
    pub fn complaints(&self) -> impl Iterator<Item = (Stack, &str)> {
        self.fleets.iter().flat_map(|fleet| {
            let why = fleet.stopped.iter().chain(&fleet.wrong);
            why.map(|why| (fleet.stack, why.as_str()))
        })
    }
}
