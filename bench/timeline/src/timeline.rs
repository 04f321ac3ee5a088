//! The marks of one launch on one clock, and the phases between them.

use crate::Mark;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// When each mark of one launch happened, in nanoseconds since [`Mark::Spawn`]. Marks that a stack
/// does not have are absent, never zero. Serialises as an object: `{"spawn": 0, "begin": 612345, …}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline(BTreeMap<Mark, i64>);

impl Timeline {
    /// Notes that `mark` happened `nanoseconds` after the spawn.
    pub fn set(&mut self, mark: Mark, nanoseconds: i64) {
        self.0.insert(mark, nanoseconds);
    }

    /// When `mark` happened, in nanoseconds since the spawn.
    pub fn get(&self, mark: Mark) -> Option<i64> {
        self.0.get(&mark).copied()
    }

    /// The time from one mark to another, in nanoseconds; `None` when either is absent.
    pub fn span(&self, from: Mark, to: Mark) -> Option<i64> {
        Some(self.get(to)? - self.get(from)?)
    }

    /// The marks that are present, in their logical order, with their times.
    pub fn marks(&self) -> impl Iterator<Item = (Mark, i64)> + '_ {
        self.0.iter().map(|(&mark, &at)| (mark, at))
    }

    /// The first two neighbouring marks whose times run backwards: such a launch was not measured.
    ///
    /// The workload's `end` and the launcher's `exited` are stamped by two processes that then run
    /// at the same time, so the lab's stamps and the launcher's are each held to their own order.
    pub fn backwards(&self) -> Option<(Mark, Mark)> {
        let of_the_lab =
            |mark: &Mark| matches!(mark, Mark::Spawn | Mark::Begin | Mark::Ready | Mark::End | Mark::Reaped);
        let (lab, launcher): (Vec<_>, Vec<_>) = self.marks().partition(|(mark, _)| of_the_lab(mark));
        [lab, launcher]
            .iter()
            .flat_map(|marks| marks.windows(2))
            .find(|pair| pair[1].1 < pair[0].1)
            .map(|pair| (pair[0].0, pair[1].0))
    }
}

/// A named span of a launch: what the bars of the report show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// From the spawn until the launcher begins to isolate (all of the start, for a bare process).
    Launcher,
    /// Namespaces, cgroup, root, or VM, memory, guest: up to the workload's first instruction, or to that of the
    /// guest's kernel where there is one.
    Isolation,
    /// The guest's kernel, from its first instruction until its first process runs.
    Kernel,
    /// The guest's init, until the workload's first instruction; the container inside of a VM is part of it.
    Init,
    /// From the workload's first instruction to its last.
    Workload,
    /// From the workload's end until the lab has reaped the child and nothing is left.
    Teardown,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Phase; 6] =
        [Phase::Launcher, Phase::Isolation, Phase::Kernel, Phase::Init, Phase::Workload, Phase::Teardown];

    /// How the report names it.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Launcher => "launcher",
            Phase::Isolation => "isolation or VM set-up",
            Phase::Kernel => "guest kernel",
            Phase::Init => "guest init",
            Phase::Workload => "workload",
            Phase::Teardown => "teardown",
        }
    }

    /// How long this phase took, in nanoseconds; `None` for a launch that does not have it.
    pub fn of(self, timeline: &Timeline) -> Option<i64> {
        let isolate = timeline.get(Mark::Isolate).map(|_| Mark::Isolate);
        match self {
            Phase::Launcher => timeline.span(Mark::Spawn, isolate.unwrap_or(Mark::Begin)),
            Phase::Isolation => {
                let booted = timeline.get(Mark::Init).map(|_| Mark::Loaded);
                timeline.span(isolate?, booted.unwrap_or(Mark::Begin))
            }
            Phase::Kernel => timeline.span(Mark::Loaded, Mark::Init),
            Phase::Init => timeline.span(Mark::Init, Mark::Begin),
            Phase::Workload => timeline.span(Mark::Begin, Mark::End),
            Phase::Teardown => timeline.span(Mark::End, Mark::Reaped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(marks: &[(Mark, i64)]) -> Timeline {
        let mut timeline = Timeline::default();
        for &(mark, at) in marks {
            timeline.set(mark, at);
        }
        timeline
    }

    #[test]
    fn phases_cover_a_launch_without_gap_or_overlap() {
        let launch = timeline(&[
            (Mark::Spawn, 0),
            (Mark::Isolate, 300),
            (Mark::Begin, 1_000),
            (Mark::Ready, 1_500),
            (Mark::End, 1_600),
            (Mark::Reaped, 2_000),
        ]);
        let whole: i64 = Phase::ALL.iter().filter_map(|phase| phase.of(&launch)).sum();
        assert_eq!(whole, 2_000);
    }

    #[test]
    fn a_guest_that_boots_has_a_kernel_and_an_init_and_no_gap_either() {
        let launch = timeline(&[
            (Mark::Spawn, 0),
            (Mark::Isolate, 300),
            (Mark::Loaded, 1_000),
            (Mark::Init, 60_000),
            (Mark::Command, 61_000),
            (Mark::Begin, 62_000),
            (Mark::End, 62_600),
            (Mark::Reaped, 64_000),
        ]);
        let phases: Vec<_> = Phase::ALL.iter().map(|phase| phase.of(&launch)).collect();
        assert_eq!(phases, [300, 700, 59_000, 2_000, 600, 1_400].map(Some));
    }

    #[test]
    fn a_bare_process_has_no_isolation_phase() {
        let launch = timeline(&[(Mark::Spawn, 0), (Mark::Begin, 600), (Mark::End, 650), (Mark::Reaped, 700)]);
        assert_eq!(Phase::Isolation.of(&launch), None);
        assert_eq!(Phase::Launcher.of(&launch), Some(600));
    }

    #[test]
    fn a_clock_that_runs_backwards_is_named() {
        let launch = timeline(&[(Mark::Spawn, 0), (Mark::Begin, 600), (Mark::Ready, 500)]);
        assert_eq!(launch.backwards(), Some((Mark::Begin, Mark::Ready)));
    }
}
