//! All verdicts as one: what `gate.json` holds, and what the table and `summary.md` say.

use super::build::Build;
use super::counts::{self, Change, Counted};
use super::decide::{self, ALPHA, Verdict};
use super::machine::TOLERANCE;
use super::recorded::Recorded;
use crate::samples::{Commit, SamplesFile};
use crate::stats::bootstrap::{FEWEST, RESAMPLES};
use crate::stats::pairs::{Effect, Pairs};
use crate::stats::{Clock, Interval, Sorted, holm};
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

/// One stack on one clock. Times are in milliseconds, shares as 0.05 for 5 %.
#[derive(Clone, Debug, Serialize)]
pub struct Startup {
    /// Which stack.
    pub stack: Stack,
    /// Which clock.
    pub clock: &'static str,
    /// Rounds in which both launches count.
    pub n: usize,
    /// A's median.
    pub a_ms: f64,
    /// B's median.
    pub b_ms: f64,
    /// B's median over A's, with its interval; absent when there are too few rounds.
    pub effect: Option<Figures>,
    /// How often a launch of B takes longer than one of A.
    pub superiority: Option<f64>,
    /// p-value of "B is slower than allowed", as it is and adjusted for the number of comparisons; absent where
    /// nothing depends on chance.
    pub p: Option<[f64; 2]>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it cannot be a pass, whatever the figures say.
    pub flaw: Option<String>,
}

/// [`Effect`], as it is written.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// B's median over A's.
    pub ratio: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// The smallest slowdown that this run could have seen.
    pub detectable: f64,
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
    pub startup: Vec<Startup>,
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
        [a, b]: [Named; 2],
        allowed: Allowed,
    ) -> Answer {
        let startup = startup(recorded, allowed.max_slowdown);
        let counts = counts::decide(counted, allowed.more_calls);
        let refused = refused(recorded);
        let partial = recorded.a.partial.clone().or_else(|| recorded.b.partial.clone());
        let verdicts =
            startup.iter().map(|row| row.verdict).chain(counts.iter().map(|change| change.verdict));
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
            && self.counts.is_empty()
            && self.refused.iter().all(|row| row.verdict.is_none())
    }
}

/// Every stack on every clock. Verdicts come last: how sure one has to be depends on how many there are.
fn startup(recorded: Recorded<'_>, max_slowdown: f64) -> Vec<Startup> {
    let mut random = fastrand::Rng::with_seed(recorded.a.seed);
    let mut rows = Vec::new();
    for stack in recorded.stacks() {
        let flaw =
            recorded.invalid(stack).map(|(build, why)| format!("a launch of {build} does not count: {why}"));
        for clock in CLOCKS {
            let pairs = recorded.pairs(stack, clock);
            let median = |of: fn(&(f64, f64)) -> f64| {
                Sorted::new(pairs.iter().map(of)).map_or(0.0, |all| all.median())
            };
            let [a_ms, b_ms] = [median(|pair| pair.0), median(|pair| pair.1)];
            let n = pairs.len();
            let exact = recorded.is_exact().then(|| exactly(b_ms / a_ms));
            let sample = Pairs::new(pairs).filter(|_| exact.is_none());
            let effect = exact.or_else(|| Some(sample.as_ref()?.effect(RESAMPLES, &mut random)));
            let p =
                sample.as_ref().map(|pairs| pairs.slower_than(1.0 + max_slowdown, RESAMPLES, &mut random));
            let superiority = sample.as_ref().map(Pairs::superiority);
            let few = effect.is_none().then(|| format!("fewer than {FEWEST} rounds count"));
            rows.push((
                effect,
                Startup {
                    stack,
                    clock: clock.name(),
                    n,
                    a_ms,
                    b_ms,
                    effect: effect.map(Figures::from),
                    superiority,
                    p: p.map(|p| [p, p]),
                    verdict: Verdict::Inconclusive,
                    flaw: flaw.clone().or(few),
                },
            ));
        }
    }
    let p: Vec<f64> = rows.iter().filter_map(|(_, row)| Some(row.p?[0])).collect();
    let mut adjusted = holm::adjusted(&p).into_iter();
    let judged = rows.into_iter().map(|(effect, mut row)| {
        row.p = row.p.and_then(|[p, _]| Some([p, adjusted.next()?]));
        let verdict = effect.map_or(Verdict::Inconclusive, |effect| {
            decide::decide(&effect, row.p.map(|[_, adjusted]| adjusted), max_slowdown)
        });
        row.verdict = if row.flaw.is_some() { verdict.max(Verdict::Inconclusive) } else { verdict };
        row
    });
    judged.collect()
}

/// The effect between figures without noise.
fn exactly(ratio: f64) -> Effect {
    let interval = Interval { low: ratio * (1.0 - TOLERANCE), high: ratio * (1.0 + TOLERANCE) };
    Effect { ratio, interval, detectable: TOLERANCE }
}

impl From<Effect> for Figures {
    fn from(Effect { ratio, interval: Interval { low, high }, detectable }: Effect) -> Figures {
        Figures { ratio, low, high, detectable }
    }
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
