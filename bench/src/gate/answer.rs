//! All verdicts as one: what `gate.json` holds, and what the table and `summary.md` say.

use super::build::Build;
use super::counts::{self, Change, Counted};
use super::decide::{ALPHA, Verdict};
use super::judge::{Candidate, Judged, Kind, judge};
use super::machine::TOLERANCE;
use super::memory::{Grown, Ruler};
use super::recorded::Recorded;
use crate::samples::{Commit, SamplesFile};
use crate::stats::Clock;
use isolab_timeline::Stack;
use serde::Serialize;
use std::collections::BTreeSet;

/// The clocks that are gated: until the workload runs, and until nothing is left.
pub const CLOCKS: [Clock; 2] = [Clock::Begin, Clock::Reaped];

/// What B may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Allowed {
    /// The slowdown that is allowed, as a share: 0.05 is 5 %.
    pub max_slowdown: f64,
    /// The growth of memory that is allowed, as a share.
    pub max_growth: f64,
    /// How many system calls more a launch may make.
    pub more_calls: u64,
}

/// One build, as it was named.
#[derive(Clone, Debug, Serialize)]
pub struct Named {
    /// By the user.
    pub name: String,
    /// The state of the source that it was built from.
    pub commit: Commit,
}

impl From<&Build> for Named {
    fn from(build: &Build) -> Named {
        Named { name: build.name.clone(), commit: build.commit.clone() }
    }
}

/// A stack that one build or both cannot run.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    /// Which stack.
    pub stack: Stack,
    /// `A`, `B` or `both`.
    pub build: &'static str,
    /// What went wrong.
    pub reason: String,
    /// What to do about it.
    pub fix: String,
    /// A failure where A runs it and B does not.
    pub verdict: Option<Verdict>,
}

/// The answer of a gate.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// Version of this layout.
    pub schema_version: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// The build that is held against.
    pub a: Named,
    /// The build that is judged.
    pub b: Named,
    /// What B may be.
    pub allowed: Allowed,
    /// The share of runs in which a build that is as slow as allowed fails, at most.
    pub alpha: f64,
    /// How far apart virtual times of one build may lie; absent where times are those of a clock.
    pub tolerance: Option<f64>,
    /// Times.
    pub startup: Vec<Judged>,
    /// Memory of an idle instance.
    pub memory: Vec<Judged>,
    /// The readings that it was judged by.
    pub grown: Vec<Grown>,
    /// System calls.
    pub counts: Vec<Change>,
    /// Stacks that could not be compared.
    pub refused: Vec<Refusal>,
    /// Why the run ended before its plan was done; then nothing passes.
    pub partial: Option<String>,
    /// The machine, in one line.
    pub host: String,
    /// Whether KVM emulates the kernel code of guests here.
    pub guest_kernel_emulated: bool,
    /// Rounds of warm-up, which are in no figure.
    pub warmup: usize,
    /// The work.
    pub workload: String,
    /// The command line that makes this run again.
    pub command: String,
}

impl Answer {
    /// Decides everything. `seed` of the first record drives the resampling: the same records give the same answer.
    pub fn of(
        recorded: Recorded<'_>,
        counted: &[Counted; 2],
        grown: Vec<Grown>,
        [a, b]: [Named; 2],
        allowed: Allowed,
    ) -> Answer {
        let mut candidates = times(recorded, allowed.max_slowdown);
        let times = candidates.len();
        candidates.extend(bytes(&grown, allowed.max_growth));
        let mut startup = judge(candidates, &mut fastrand::Rng::with_seed(recorded.a.seed));
        let memory = startup.split_off(times);
        let counts = counts::decide(counted, allowed.more_calls);
        let refused = refused(recorded);
        let partial = recorded.a.partial.clone().or_else(|| recorded.b.partial.clone());
        let verdicts = startup
            .iter()
            .chain(&memory)
            .map(|row| row.verdict)
            .chain(counts.iter().map(|change| change.verdict));
        let verdicts = verdicts.chain(refused.iter().filter_map(|refusal| refusal.verdict));
        let file: &SamplesFile = recorded.a;
        Answer {
            schema_version: 1,
            verdict: Verdict::all(verdicts.chain(partial.as_ref().map(|_| Verdict::Inconclusive))),
            a,
            b,
            allowed,
            alpha: ALPHA,
            tolerance: recorded.is_exact().then_some(TOLERANCE),
            startup,
            memory,
            grown,
            counts,
            refused,
            partial,
            host: file.host.caption(),
            guest_kernel_emulated: file.host.emulates_guest_kernels(),
            warmup: file.warmup,
            workload: file.workloads(),
            command: file.command.clone(),
        }
    }

    /// Whether anything was compared at all.
    pub fn is_empty(&self) -> bool {
        self.startup.is_empty()
            && self.memory.is_empty()
            && self.counts.is_empty()
            && self.refused.iter().all(|row| row.verdict.is_none())
    }
}

/// Every stack on every clock.
fn times(recorded: Recorded<'_>, allowed: f64) -> Vec<Candidate> {
    let kind = if recorded.is_exact() { Kind::VirtualTimes } else { Kind::Times };
    let of = |stack| {
        let flaw =
            recorded.invalid(stack).map(|(build, why)| format!("a launch of {build} does not count: {why}"));
        CLOCKS.map(|clock| {
            let pairs = recorded.pairs(stack, clock);
            Candidate { stack, figure: clock.name(), kind, pairs, allowed, flaw: flaw.clone() }
        })
    };
    recorded.stacks().flat_map(of).collect()
}

/// Every stack by every ruler.
fn bytes(grown: &[Grown], allowed: f64) -> impl Iterator<Item = Candidate> {
    grown.iter().flat_map(move |of| {
        Ruler::ALL.map(|ruler| Candidate {
            stack: of.stack,
            figure: ruler.name(),
            kind: Kind::Memory,
            pairs: of.rounds.iter().map(|[a, b]| (ruler.kib(a), ruler.kib(b))).collect(),
            allowed,
            flaw: of.wrong.clone(),
        })
    })
}

/// The stacks that one build or both cannot run. That B cannot where A can is a failure; that neither can is this host's
/// affair; and what only B can has nothing to be held against.
fn refused(recorded: Recorded<'_>) -> Vec<Refusal> {
    let of = |file: &SamplesFile, stack| file.unavailable.iter().find(|why| why.stack == stack).cloned();
    let named = recorded.a.unavailable.iter().chain(&recorded.b.unavailable);
    let stacks: BTreeSet<Stack> = named.map(|why| why.stack).collect();
    let all = stacks.into_iter().filter_map(|stack| {
        let (build, why, verdict) = match (of(recorded.a, stack), of(recorded.b, stack)) {
            (Some(why), Some(_)) => ("both", why, None),
            (None, Some(why)) => ("B", why, Some(Verdict::Fail)),
            (Some(why), None) => ("A", why, None),
            (None, None) => return None,
        };
        Some(Refusal { stack, build, reason: why.reason, fix: why.fix, verdict })
    });
    all.collect()
}

#[cfg(test)]
mod tests;
