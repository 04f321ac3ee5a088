//! One launch, whole: what `samples.json` holds, one object a launch.

use crate::{Stack, Timeline, Workload};
use serde::{Deserialize, Serialize};

/// How a launch ended, from `wait4(2)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The exit status as a shell gives it: the status itself, or 128 + the signal that ended it.
    pub status: i32,
    /// User CPU time of the child and its reaped descendants, in microseconds.
    pub user_us: u64,
    /// System CPU time of the child and its reaped descendants, in microseconds.
    pub system_us: u64,
    /// Page faults of all of them that needed no disk.
    pub minor_faults: u64,
    /// Page faults of all of them that waited for a disk.
    pub major_faults: u64,
    /// How often one of them gave up the CPU, because it had to wait.
    pub voluntary_switches: u64,
    /// How often one of them lost the CPU, because another's turn had come.
    pub involuntary_switches: u64,
}

/// One launch of one stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// What was launched.
    pub stack: Stack,
    /// The work that it ran.
    pub workload: Workload,
    /// Its place in the run, from 0, warm-up included.
    pub order: usize,
    /// Declared warm-up: kept here, left out of every statistic.
    pub warmup: bool,
    /// Every mark, in nanoseconds since the spawn.
    pub marks_ns: Timeline,
    /// How it ended.
    pub exit: Outcome,
    /// Why this launch counts as failed or as not measured; absent when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
}
