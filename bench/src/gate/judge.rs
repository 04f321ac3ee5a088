//! From pairs of figures to verdicts: effect, p-value, and all p-values adjusted together.
//!
//! Verdicts come last: how sure one has to be depends on how many figures there are.

use super::decide::{Verdict, decide};
use super::machine::TOLERANCE;
use crate::stats::bootstrap::{FEWEST, RESAMPLES};
use crate::stats::pairs::{Effect, Pairs};
use crate::stats::{Interval, Sorted, holm};
use isolab_timeline::Stack;
use serde::Serialize;

/// One figure of one stack: of each round A's value and B's, and how much more B's may be.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which stack.
    pub stack: Stack,
    /// Which figure: a clock, or a ruler of memory.
    pub figure: &'static str,
    /// What kind of figure.
    pub kind: Kind,
    /// A's and B's value of each round that counts.
    pub pairs: Vec<(f64, f64)>,
    /// How much more B's may be, as a share.
    pub allowed: f64,
    /// Why it cannot be a pass, whatever the values say.
    pub flaw: Option<String>,
}

/// How figures are held against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Times: by their medians.
    Times,
    /// Virtual times, which have no noise: by their medians, give or take [`TOLERANCE`].
    VirtualTimes,
    /// What adds up: by sums.
    Memory,
}

/// One figure of one stack, judged. Times are in milliseconds, memory in KiB an instance, shares as 0.05 for 5 %.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// Which stack.
    pub stack: Stack,
    /// Which figure: a clock, or a ruler of memory.
    pub figure: &'static str,
    /// Rounds in which both builds' values count.
    pub n: usize,
    /// A's median; of memory the mean.
    pub a: f64,
    /// B's.
    pub b: f64,
    /// How much more B's may be, as a share.
    pub allowed: f64,
    /// B's over A's, with its interval; absent when there are too few rounds.
    pub effect: Option<Figures>,
    /// How often a value of B is larger than one of A.
    pub superiority: Option<f64>,
    /// p-value of "B is more than allowed", as it is and adjusted for the number of comparisons; absent where
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
    /// B's value over A's.
    pub ratio: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// The smallest growth that this run could have seen.
    pub detectable: f64,
}

/// Judges all figures of a gate.
pub fn judge(candidates: Vec<Candidate>, random: &mut fastrand::Rng) -> Vec<Judged> {
    let found: Vec<_> = candidates.into_iter().map(|candidate| one(candidate, random)).collect();
    let p: Vec<f64> = found.iter().filter_map(|(_, row)| Some(row.p?[0])).collect();
    let mut adjusted = holm::adjusted(&p).into_iter();
    let judged = found.into_iter().map(|(effect, mut row)| {
        row.p = row.p.and_then(|[p, _]| Some([p, adjusted.next()?]));
        let verdict = effect.map_or(Verdict::Inconclusive, |effect| {
            decide(&effect, row.p.map(|[_, adjusted]| adjusted), row.allowed)
        });
        row.verdict = if row.flaw.is_some() { verdict.max(Verdict::Inconclusive) } else { verdict };
        row
    });
    judged.collect()
}

/// One figure, with its p-value as it is and no verdict yet.
fn one(candidate: Candidate, random: &mut fastrand::Rng) -> (Option<Effect>, Judged) {
    let Candidate { stack, figure, kind, pairs, allowed, flaw } = candidate;
    let n = pairs.len();
    let typical = |of: fn(&(f64, f64)) -> f64| match kind {
        Kind::Memory => pairs.iter().map(of).sum::<f64>() / n.max(1) as f64,
        Kind::Times | Kind::VirtualTimes => Sorted::new(pairs.iter().map(of)).map_or(0.0, |all| all.median()),
    };
    let [a, b] = [typical(|pair| pair.0), typical(|pair| pair.1)];
    let no_ratio = pairs.iter().any(|&(a, b)| a <= 0.0 || b <= 0.0);
    let sample = Pairs::new(pairs).filter(|_| kind != Kind::VirtualTimes);
    let effect = match (kind, &sample) {
        (Kind::VirtualTimes, _) => Some(exactly(b / a)),
        (Kind::Times, Some(pairs)) => Some(pairs.effect(RESAMPLES, random)),
        (Kind::Memory, Some(pairs)) => Some(pairs.effect_of_sums(RESAMPLES, random)),
        (_, None) => None,
    };
    let p = sample.as_ref().map(|pairs| {
        let test = if kind == Kind::Memory { Pairs::more_than } else { Pairs::slower_than };
        test(pairs, 1.0 + allowed, RESAMPLES, random)
    });
    let flaw = flaw.or_else(|| {
        effect.is_none().then(|| {
            if no_ratio {
                "in some round it was nothing or less: other programs moved the machine's memory".into()
            } else {
                format!("fewer than {FEWEST} rounds count")
            }
        })
    });
    let row = Judged {
        stack,
        figure,
        n,
        a,
        b,
        allowed,
        effect: effect.map(Figures::from),
        superiority: sample.as_ref().map(Pairs::superiority),
        p: p.map(|p| [p, p]),
        verdict: Verdict::Inconclusive,
        flaw,
    };
    (effect, row)
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
