//! The figures of density: what one more instance costs, what a fifth of the way foretold, and how that came out.
//!
//! Every figure is a line through the raw points ([`Line`]) or a median of bursts. A prediction is an interval, so it
//! is scored as one (T. Gneiting and A. E. Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", Journal of
//! the American Statistical Association 102(477), 2007, section 6.2): its width, and for a truth outside of it 2/α
//! times the distance. Less is better. One that is wider than a tenth of what it predicts says too little to be
//! right or wrong.

use super::section::{Density, Fill, Stopped};
use crate::host::Host;
use crate::stats::bootstrap::{CONFIDENCE, Medians};
use crate::stats::line::{Line, Lines};
use crate::stats::{Interval, Ratio, Sorted, show};
use isolab_timeline::Stack;

/// A prediction's interval may be as wide as this share of it.
const WIDEST: f64 = 0.1;
const NS_PER_MS: f64 = 1e6;

/// A rise with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// An instance more is so much more.
    pub value: f64,
    /// Its 95 % interval; absent when there are too few points.
    pub interval: Option<Interval>,
}

/// What was foretold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// How many instances use up the budget.
    Ceiling {
        /// The budget, in bytes.
        budget: u64,
    },
    /// By how many bytes `MemAvailable` falls.
    Fall {
        /// For so many instances.
        instances: usize,
    },
    /// How many milliseconds a start takes, from spawn to begin.
    Start {
        /// Beside so many instances.
        instances: usize,
    },
}

/// A prediction, and what was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Of what.
    pub what: What,
    /// The line's value.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// The truth, where the fleet came that far.
    pub found: Option<f64>,
}

/// What came of a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The truth lies in the interval.
    Held,
    /// It does not.
    Missed,
    /// The interval is wider than a tenth of the prediction.
    Inconclusive,
    /// The fleet did not come that far.
    Open,
}

impl Verdict {
    /// One word for tables.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Held => "held",
            Verdict::Missed => "missed",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Open => "not reached",
        }
    }
}

impl Prediction {
    /// How far the prediction is above the truth, as a share of the truth.
    pub fn relative_error(&self) -> Option<f64> {
        self.found.map(|found| (self.value - found) / found)
    }

    /// The interval score, in the unit of what was predicted.
    pub fn interval_score(&self) -> Option<f64> {
        let Interval { low, high } = self.interval;
        let outside = |found: f64| (low - found).max(found - high).max(0.0);
        self.found.map(|found| high - low + 2.0 / (1.0 - CONFIDENCE) * outside(found))
    }

    /// What came of it.
    pub fn verdict(&self) -> Verdict {
        let wide = self.interval.high - self.interval.low > WIDEST * self.value.abs();
        match self.found {
            _ if wide => Verdict::Inconclusive,
            None => Verdict::Open,
            Some(found) if self.interval.contains(found) => Verdict::Held,
            Some(_) => Verdict::Missed,
        }
    }
}

/// The figures of one stack's fleet.
#[derive(Clone, Debug)]
pub struct Filled<'a> {
    /// What was measured.
    pub fill: &'a Fill,
    /// Bytes of `MemAvailable` for one instance more, from all points.
    pub bytes: Option<Slope>,
    /// Milliseconds from spawn to begin for one instance more, from all batches.
    pub start_ms: Option<Slope>,
    /// The lines through what was seen a fifth of the way up.
    pub foreseen: Foreseen,
    /// What these foretell.
    pub predictions: Vec<Prediction>,
}

/// Launches a second of one stack, so many at a time.
#[derive(Clone, Debug)]
pub struct Rate {
    /// Of what.
    pub stack: Stack,
    /// How many at a time.
    pub at_once: usize,
    /// One value a burst that counts.
    pub sample: Sorted,
    /// 95 % interval of the median; absent when there are too few bursts.
    pub interval: Option<Interval>,
    /// As a share of the stack's floor in the same run; none where KVM emulates guests' kernel code.
    pub of_floor: Option<Ratio>,
}

/// All figures of density.
#[derive(Clone, Debug)]
pub struct Figures<'a> {
    /// One for each fleet.
    pub filled: Vec<Filled<'a>>,
    /// By stack, then by how many at a time.
    pub rates: Vec<Rate>,
}

impl<'a> Figures<'a> {
    /// Computes everything; the same seed gives the same figures.
    pub fn of(density: &'a Density, host: &Host, seed: u64) -> Figures<'a> {
        let filled = density.fills.iter().map(|fill| {
            let random = || fastrand::Rng::with_seed(seed);
            let foreseen = Foreseen::of(fill, seed);
            Filled {
                fill,
                bytes: slope(fill.falls(), &mut random()),
                start_ms: slope(starts_ms(fill), &mut random()),
                predictions: predictions(fill, &foreseen, density.budget_bytes, density.max),
                foreseen,
            }
        });
        Figures { filled: filled.collect(), rates: rates(density, host, seed) }
    }

    /// Launches a second of a stack, so many at a time.
    pub fn rate(&self, stack: Stack, at_once: usize) -> Option<&Rate> {
        self.rates.iter().find(|rate| rate.stack == stack && rate.at_once == at_once)
    }

    /// How many were started at a time, ascending.
    pub fn levels(&self) -> Vec<usize> {
        let mut levels: Vec<_> = self.rates.iter().map(|rate| rate.at_once).collect();
        levels.sort_unstable();
        levels.dedup();
        levels
    }
}

impl Filled<'_> {
    /// How many instances a GiB holds; `None` where this run cannot tell what one takes from nothing.
    pub fn per_gib(&self) -> Option<f64> {
        let bytes =
            self.bytes.filter(|bytes| bytes.interval.map_or(bytes.value, |interval| interval.low) > 0.0)?;
        Some((1_u64 << 30) as f64 / bytes.value)
    }
}

/// The two lines of a fifth of the way; each `None` without enough points.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// Fall of `MemAvailable` in bytes against instances.
    pub fall: Option<(Line, Lines)>,
    /// Start in milliseconds against instances.
    pub start: Option<(Line, Lines)>,
}

impl Foreseen {
    /// From what was measured when the prediction was made.
    pub fn of(fill: &Fill, seed: u64) -> Foreseen {
        let until = fill.predicted_at.unwrap_or(0) as f64;
        let fit = |points: &mut dyn Iterator<Item = (f64, f64)>| {
            let line = Line::fit(points.filter(|&(place, _)| place <= until))?;
            let lines = line.redrawn(&mut fastrand::Rng::with_seed(seed))?;
            Some((line, lines))
        };
        Foreseen { fall: fit(&mut fill.falls()), start: fit(&mut starts_ms(fill)) }
    }
}

fn starts_ms(fill: &Fill) -> impl Iterator<Item = (f64, f64)> + use<> {
    fill.starts().into_iter().map(|(place, ns)| (place, ns / NS_PER_MS))
}

fn slope(points: impl Iterator<Item = (f64, f64)>, random: &mut fastrand::Rng) -> Option<Slope> {
    let line = Line::fit(points)?;
    Some(Slope { value: line.slope, interval: line.redrawn(random).map(|lines| lines.slope()) })
}

/// What a fifth of the way foretells for the whole: for the number that was asked for, or where there is none for the
/// budget; and for the last batch, if there is one by now.
fn predictions(fill: &Fill, foreseen: &Foreseen, budget: u64, max: Option<usize>) -> Vec<Prediction> {
    let Foreseen { fall, start } = foreseen;
    let mut predictions = Vec::new();
    let last = fill.points.last().map_or(0, |point| point.instances);
    let done = last > fill.predicted_at.unwrap_or(usize::MAX);
    if let Some((line, lines)) = fall {
        predictions.extend(line.reaches(budget as f64).map(|value| Prediction {
            what: What::Ceiling { budget },
            value,
            interval: lines.reaches(budget as f64),
            found: (fill.stopped == Stopped::Budget && done).then(|| crossing(fill, budget as f64)).flatten(),
        }));
        let instances = if done { Some(last) } else { max };
        predictions.extend(instances.map(|instances| Prediction {
            what: What::Fall { instances },
            value: line.at(instances as f64),
            interval: lines.at(instances as f64),
            found: done.then(|| fill.falls().last().map(|point| point.1)).flatten(),
        }));
    }
    if let Some((line, lines)) = start {
        let found = starts_ms(fill).last().filter(|_| done);
        let place = found.map(|point| point.0).or(max.map(|max| max as f64));
        predictions.extend(place.map(|place| Prediction {
            what: What::Start { instances: place as usize },
            value: line.at(place),
            interval: lines.at(place),
            found: found.map(|point| point.1),
        }));
    }
    predictions
}

/// At how many instances the fall reached the budget: between two batches.
fn crossing(fill: &Fill, budget: f64) -> Option<f64> {
    let points: Vec<_> = fill.falls().collect();
    let pair = points.windows(2).find(|pair| pair[1].1 >= budget)?;
    let (before, after) = (pair[0], pair[1]);
    let share = (budget - before.1) / (after.1 - before.1);
    Some(before.0 + share.clamp(0.0, 1.0) * (after.0 - before.0))
}

/// The predictions in a sentence, as they are published before the rest is measured.
pub(super) fn published(fill: &Fill, budget: u64, max: Option<usize>, seed: u64) -> String {
    let at = fill.predicted_at.unwrap_or(0);
    let foretold: Vec<_> =
        predictions(fill, &Foreseen::of(fill, seed), budget, max).iter().map(in_words).collect();
    let foretold =
        if foretold.is_empty() { "too few batches for a prediction".into() } else { foretold.join("; ") };
    format!("{}, {} instances, foretells: {foretold}", fill.stack, show::thousands(at))
}

/// A prediction in words, without what was found.
pub fn in_words(prediction: &Prediction) -> String {
    let Prediction { what, value, interval, .. } = prediction;
    let number = |value: f64| quantity(*what, value);
    let interval = format!("{} to {}", number(interval.low), number(interval.high));
    format!("{} {} ({interval})", subject(*what), number(*value))
}

/// What a prediction is about; the value follows.
pub fn subject(what: What) -> String {
    match what {
        What::Ceiling { budget } => format!("instances in {} MiB:", show::thousands((budget >> 20) as usize)),
        What::Fall { instances } => format!("MiB for {} instances:", show::thousands(instances)),
        What::Start { instances } => format!("ms to start beside {}:", show::thousands(instances)),
    }
}

/// A predicted or found value as text, in the unit that [`subject`] names.
pub fn quantity(what: What, value: f64) -> String {
    match what {
        _ if !value.is_finite() => "any number".into(),
        What::Ceiling { .. } => show::thousands(value.max(0.0).round() as usize),
        // Added to zero, what is rounded to none has no sign.
        What::Fall { .. } => format!("{:.0}", 0.0 + (value / f64::from(1 << 20)).round()),
        What::Start { .. } => show::ms(value),
    }
}

fn rates(density: &Density, host: &Host, seed: u64) -> Vec<Rate> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut kinds: Vec<_> = density.bursts.iter().map(|burst| (burst.stack, burst.at_once)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let measured: Vec<_> = kinds
        .into_iter()
        .filter_map(|(stack, at_once)| {
            let of = density.bursts.iter().filter(|burst| burst.stack == stack && burst.at_once == at_once);
            let good = of.filter(|burst| burst.wrong.is_empty() && burst.took_ns > 0);
            let sample =
                Sorted::new(good.map(|burst| burst.instances as f64 / (burst.took_ns as f64 / 1e9)))?;
            let medians = Medians::draw(&sample, &mut random);
            Some((stack, at_once, sample, medians))
        })
        .collect();
    let of_floor = |stack: Stack, at_once: usize, sample: &Sorted, medians: Option<&Medians>| {
        let floor = stack.floor().filter(|_| !host.emulates(stack))?;
        let (.., base, base_medians) = measured.iter().find(|one| (one.0, one.1) == (floor, at_once))?;
        let interval = medians.zip(base_medians.as_ref()).map(|(medians, base)| medians.ratio_interval(base));
        Some(Ratio { value: sample.median() / base.median(), interval })
    };
    let rate = |(stack, at_once, sample, medians): &(Stack, usize, Sorted, Option<Medians>)| Rate {
        stack: *stack,
        at_once: *at_once,
        interval: medians.as_ref().map(Medians::interval),
        of_floor: of_floor(*stack, *at_once, sample, medians.as_ref()),
        sample: sample.clone(),
    };
    measured.iter().map(rate).collect()
}

#[cfg(test)]
mod tests;
