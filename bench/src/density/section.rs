//! What density measured, as `samples.json` holds it: every launch and every reading, and no figure.

use isolab_timeline::Stack;
use serde::{Deserialize, Serialize};

/// The density of some stacks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Density {
    /// The rule by which the lab and the instances were given their CPUs.
    pub placement: String,
    /// Memory of a VM, in MiB.
    pub memory_mib: u32,
    /// How many instances were started at a time while the budget was filled.
    pub at_once: usize,
    /// By how much `MemAvailable` was to fall at most.
    pub budget_bytes: u64,
    /// How many instances were to be started at most; absent where only the budget said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
    /// The median start of a batch at which to stop, in nanoseconds from spawn to begin; absent where it was no matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ns: Option<u64>,
    /// What `MemAvailable` was not to fall below, whatever the budget.
    pub reserve_bytes: u64,
    /// What the cgroup of the growing fleets lets them take, in case the lab should not stop in time; absent where it has
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_bytes: Option<u64>,
    /// Launches from nothing, as fast as they go, by how many are started at a time.
    pub bursts: Vec<Burst>,
    /// One growing fleet for each stack.
    pub fills: Vec<Fill>,
}

/// So many instances started as fast as they go, and ended again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burst {
    /// Of what.
    pub stack: Stack,
    /// How many were started at a time.
    pub at_once: usize,
    /// How many were started.
    pub instances: usize,
    /// From just before the first spawn until the last was ready.
    pub took_ns: u64,
    /// From the request to end until the last was reaped.
    pub ended_ns: u64,
    /// What was wrong with it; such a burst is in no figure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<String>,
}

/// A fleet that grew until something said stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// Of what.
    pub stack: Stack,
    /// What one instance needs, from a few that were started before.
    pub need: Need,
    /// `MemAvailable` before the first instance.
    pub before_bytes: u64,
    /// How many instances there were when the prediction was made: at a fifth of the way. Absent: it ended before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_at: Option<usize>,
    /// A reading after each batch.
    pub points: Vec<Point>,
    /// Every launch, in order.
    pub launches: Vec<Launch>,
    /// Why it grew no further.
    pub stopped: Stopped,
    /// The instance or the circumstance that stopped it, in words, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// From the request to end until the last was reaped.
    pub ended_ns: u64,
    /// What was wrong with instances: who ended early, did not work, or did not end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<String>,
    /// `MemAvailable` when all were gone.
    pub after_bytes: u64,
}

/// What one instance needs of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// From how many instances this is known.
    pub instances: usize,
    /// Their processes and threads, all together.
    pub tasks: u64,
    /// Their open descriptors, all together.
    pub descriptors: u64,
    /// By how much `MemAvailable` fell for them; it is shared by everybody on the machine, so it may have risen.
    pub fall_bytes: i64,
}

/// A reading of the machine, with so many instances alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// How many.
    pub instances: usize,
    /// `MemAvailable`.
    pub available_bytes: u64,
}

/// One launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// When it was started, since the first was.
    pub at_ns: u64,
    /// From its spawn until the workload's first instruction.
    pub begin_ns: u64,
    /// From its spawn until it held.
    pub ready_ns: u64,
}

/// Why a fleet grew no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// `MemAvailable` had fallen by the budget.
    Budget,
    /// As many as asked for were alive.
    Max,
    /// A start took as long as was allowed.
    Until,
    /// The machine's memory was needed for others: the reserve was all that was left.
    Reserve,
    /// A launch failed, or an instance ended early.
    Failed,
    /// Somebody stopped the lab.
    Interrupted,
}

impl Stopped {
    /// Its name, as in files.
    pub const fn name(self) -> &'static str {
        match self {
            Stopped::Budget => "budget",
            Stopped::Max => "max",
            Stopped::Until => "until",
            Stopped::Reserve => "reserve",
            Stopped::Failed => "failed",
            Stopped::Interrupted => "interrupted",
        }
    }

    /// In words that follow "it stopped because".
    pub const fn words(self) -> &'static str {
        match self {
            Stopped::Budget => "the budget was used up",
            Stopped::Max => "as many as asked for were alive",
            Stopped::Until => "a start took as long as was allowed",
            Stopped::Reserve => "only the machine's reserve was left",
            Stopped::Failed => "an instance failed",
            Stopped::Interrupted => "it was interrupted",
        }
    }
}

impl Density {
    /// The stacks of which anything was measured, in the order of their declaration.
    pub fn stacks(&self) -> Vec<Stack> {
        let bursts = self.bursts.iter().map(|burst| burst.stack);
        let mut stacks: Vec<_> = self.fills.iter().map(|fill| fill.stack).chain(bursts).collect();
        stacks.sort_unstable();
        stacks.dedup();
        stacks
    }

    /// Everything that was wrong, and with which stack.
    pub fn wrong(&self) -> impl Iterator<Item = (Stack, &str)> {
        let failed = |fill: &'_ Fill| fill.stopped == Stopped::Failed;
        let why = self
            .fills
            .iter()
            .filter(move |fill| failed(fill))
            .filter_map(|fill| Some((fill.stack, fill.why.as_deref()?)));
        let fills =
            self.fills.iter().flat_map(|fill| fill.wrong.iter().map(|why| (fill.stack, why.as_str())));
        let bursts =
            self.bursts.iter().flat_map(|burst| burst.wrong.iter().map(|why| (burst.stack, why.as_str())));
        why.chain(fills).chain(bursts)
    }
}

impl Fill {
    /// The points (instances, fall of `MemAvailable` in bytes), beginning with none.
    pub fn falls(&self) -> impl Iterator<Item = (f64, f64)> {
        let fall =
            |point: &Point| (point.instances as f64, self.before_bytes as f64 - point.available_bytes as f64);
        std::iter::once((0.0, 0.0)).chain(self.points.iter().map(fall))
    }

    /// The median start, from spawn to begin in nanoseconds, of each batch, at the batch's middle.
    pub fn starts(&self) -> Vec<(f64, f64)> {
        let mut before = 0;
        let mut batches = Vec::new();
        for point in &self.points {
            let launches = self.launches.get(before..point.instances).unwrap_or_default();
            let begins = launches.iter().map(|launch| launch.begin_ns as f64);
            let median = crate::stats::Sorted::new(begins).map(|sample| sample.median());
            batches.extend(median.map(|median| ((before + point.instances) as f64 / 2.0, median)));
            before = point.instances;
        }
        batches
    }
}
