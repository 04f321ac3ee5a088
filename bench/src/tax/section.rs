//! The section `tax` of `samples.json`: every launch, raw.

use super::Work;
use crate::counts::section::ByName;
use isolab_timeline::{Outcome, Stack, Workload};
use serde::{Deserialize, Serialize};

/// What work costs once it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tax {
    /// Rounds that come first and do not count.
    pub warmup: usize,
    /// Every launch, in the order in which they were made.
    pub launches: Vec<Launch>,
    /// Work that a stack does not have, and why.
    pub absent: Vec<Absent>,
}

/// One launch: so much work in one stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// What was launched.
    pub stack: Stack,
    /// The work.
    pub workload: Workload,
    /// The round, from 0, warm-up included. Each has every work of every stack in two sizes, once each.
    pub round: usize,
    /// From the mark *begin* to the mark *ready*, in nanoseconds; absent when one of them never came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_ns: Option<i64>,
    /// How it ended, and what it used.
    pub exit: Outcome,
    /// How often the guest came back to its VMM, by reason, where a VMM keeps count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exits: Option<ByName>,
    /// Why this launch does not count; absent when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
}

/// Work that a stack does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Which stack.
    pub stack: Stack,
    /// Which work.
    pub work: Work,
    /// Why not.
    pub reason: String,
}
