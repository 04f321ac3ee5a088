//! The section `ladder` of `samples.json`: every launch, raw.

use super::Rung;
use isolab_timeline::{Outcome, Timeline};
use serde::{Deserialize, Serialize};

/// Launches of rung after rung.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// Rounds that come first and do not count.
    pub warmup: usize,
    /// Every launch, in the order in which they were made.
    pub launches: Vec<Launch>,
    /// Rungs that this host does not have, and why.
    pub absent: Vec<Absent>,
}

/// One launch: a rung and all below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The highest rung.
    pub rung: Rung,
    /// The round, from 0, warm-up included. Each launches every rung once.
    pub round: usize,
    /// When each event happened, in nanoseconds since the spawn.
    pub marks_ns: Timeline,
    /// How it ended, and what it used.
    pub exit: Outcome,
    /// Why this launch does not count; absent when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
}

/// A rung that this host does not have: the ladder goes on without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Which rung.
    pub rung: Rung,
    /// What went wrong when it was tried.
    pub reason: String,
    /// What to do about it.
    pub fix: String,
}

impl Ladder {
    /// The launches of a rung that count.
    pub fn counted(&self, rung: Rung) -> impl Iterator<Item = &Launch> {
        let counts = move |launch: &&Launch| {
            launch.rung == rung && launch.round >= self.warmup && launch.invalid.is_none()
        };
        self.launches.iter().filter(counts)
    }
}
