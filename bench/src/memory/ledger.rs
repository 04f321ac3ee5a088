//! From readings to the ledger: how much more each line is with every further instance, and whether the lines add
//! up to what the machine has lost.
//!
//! Every figure is the slope of a straight line through the readings ([`crate::stats::line`]); what all instances
//! share, and what the lab itself uses, is in its intercept and falls out. The lines are disjoint: no page is in two
//! of them. What the kernel still calls available, because it could give it up (files' pages, reclaimable
//! objects), is no part of a fall of `MemAvailable`; it is listed beside.

use super::line::{Accuracy, Line};
use super::section::{Fleet, Point, Section};
use crate::stats::Interval;
use crate::stats::line::Line as Fit;
use isolab_timeline::Stack;

/// Below this many bytes an instance a residue is too small to look for, however small the instance is.
const RESIDUE_BYTES: f64 = 50_000.0;
/// Below this share of the fall it is accounted for.
const RESIDUE_SHARE: f64 = 0.1;
/// Seed of the bootstrap; the ledger of a file is the same whenever it is made.
const SEED: u64 = 1;

/// Bytes an instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// The slope.
    pub bytes: f64,
    /// Its 95 % interval; absent when there are too few readings.
    pub interval: Option<Interval>,
}

/// One line of a ledger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Which.
    pub line: Line,
    /// Where it was read.
    pub source: &'static str,
    /// How far it can be relied on.
    pub accuracy: Accuracy,
    /// How much it is.
    pub slope: Slope,
}

/// What the usual rulers say of the same instances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rulers {
    /// All pages that its processes map.
    pub rss: Slope,
    /// Each page divided by how many map it.
    pub pss: Slope,
    /// Pages that nobody else maps.
    pub uss: Slope,
    /// What the group is charged; absent where there is none.
    pub cgroup: Option<Slope>,
}

/// Whether the lines add up to the fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They do.
    AddsUp,
    /// They do not.
    Off,
    /// Others moved the machine's memory so much that nobody can say.
    TooBusy,
}

/// What one more instance of a stack costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// The stack.
    pub stack: Stack,
    /// Instances at the last reading, beyond the first.
    pub n: usize,
    /// The lines, disjoint, in the order in which they are drawn.
    pub entries: Vec<Entry>,
    /// By how much `MemAvailable` falls, with the free pages that CPUs keep at hand.
    pub fall: Slope,
    /// The fall without the lines; below zero when they are more than it.
    pub unaccounted: Slope,
    /// What the kernel gives to the instance and counts as available all the same.
    pub reclaimable: Vec<Entry>,
    /// Pages of files that all instances map, once for all of them, in bytes; in no line.
    pub shared_bytes: f64,
    /// The usual rulers.
    pub rulers: Rulers,
    /// Processes at the last reading that did not let the lab look.
    pub unreadable: u64,
}

impl Ledger {
    /// The ledgers of all stacks of a run that grew at all, in order.
    pub fn all(section: &Section) -> Vec<Ledger> {
        let mut fleets: Vec<_> = section.fleets.iter().filter(|fleet| !fleet.huge_pages).collect();
        fleets.sort_by_key(|fleet| fleet.stack);
        fleets.into_iter().filter_map(Ledger::of).collect()
    }

    /// The ledger of a fleet; `None` when it has not two readings.
    pub fn of(fleet: &Fleet) -> Option<Ledger> {
        let last = fleet.points.last()?;
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut slope = |of: &dyn Fn(&Point) -> Option<f64>| Slope::of(&fleet.points, of, &mut random);
        // What this stack does not have is absent, not zero; what a difference of counters makes negative was not
        // there to see.
        let is_told = |line: Line, slope: Slope| match line.accuracy(last) {
            Accuracy::Inferred => slope.bytes > 0.5,
            Accuracy::Exact | Accuracy::Sampled => {
                fleet.points.iter().any(|point| line.bytes(point).is_some_and(|bytes| bytes > 0.0))
            }
        };
        let told: Vec<(Line, Slope)> = Line::ALL
            .into_iter()
            .filter_map(|line| Some((line, slope(&|point| line.bytes(point))?)))
            .filter(|&(line, slope)| is_told(line, slope))
            .collect();
        let entry = |&(line, slope): &(Line, Slope)| Entry {
            line,
            source: line.source(last),
            accuracy: line.accuracy(last),
            slope,
        };
        let (fallen, kept): (Vec<_>, Vec<_>) = told.into_iter().partition(|(line, _)| !line.is_reclaimable());
        let fall = |point: &Point| -(point.machine.available_bytes() as f64);
        let rest = |point: &Point| {
            Some(fall(point) - fallen.iter().filter_map(|(line, _)| line.bytes(point)).sum::<f64>())
        };
        let kib = |kib: u64| Some((kib * 1024) as f64);
        Some(Ledger {
            stack: fleet.stack,
            n: last.instances,
            fall: slope(&|point| Some(fall(point)))?,
            unaccounted: slope(&rest)?,
            rulers: Rulers {
                rss: slope(&|point| kib(point.processes.rss_kib))?,
                pss: slope(&|point| kib(point.processes.pss_kib))?,
                uss: slope(&|point| kib(point.processes.uss_kib))?,
                cgroup: slope(&|point| Some(point.charged?.usage_bytes as f64)),
            },
            entries: fallen.iter().map(entry).collect(),
            reclaimable: kept.iter().map(entry).collect(),
            shared_bytes: (last.processes.file_kib * 1024) as f64,
            unreadable: last.processes.unreadable,
        })
    }

    /// One line.
    pub fn get(&self, line: Line) -> Option<&Entry> {
        self.entries.iter().chain(&self.reclaimable).find(|entry| entry.line == line)
    }

    /// The sum of the lines.
    pub fn sum_bytes(&self) -> f64 {
        self.entries.iter().map(|entry| entry.slope.bytes).sum()
    }

    /// Whether what is left over, or too much, is small: under a tenth of the fall or 50 kB, whichever is larger.
    pub fn verdict(&self) -> Verdict {
        let limit = (RESIDUE_SHARE * self.fall.bytes.abs()).max(RESIDUE_BYTES);
        let rest = self.unaccounted;
        // Wider than the limit on either side, the interval says nothing of where in it the truth lies.
        let wide = |ends: Interval| ends.high - ends.low > 2.0 * limit;
        match rest.interval {
            Some(ends) if wide(ends) && ends.low < limit && ends.high > -limit => Verdict::TooBusy,
            _ if rest.bytes.abs() < limit => Verdict::AddsUp,
            _ => Verdict::Off,
        }
    }
}

impl Slope {
    /// The slope over the number of instances; `None` when some reading lacks the value.
    fn of(points: &[Point], of: &dyn Fn(&Point) -> Option<f64>, random: &mut fastrand::Rng) -> Option<Slope> {
        let values: Option<Vec<_>> =
            points.iter().map(|point| Some((point.instances as f64, of(point)?))).collect();
        let fit = Fit::fit(values?)?;
        Some(Slope { bytes: fit.slope, interval: fit.redrawn(random).map(|lines| lines.slope()) })
    }
}

#[cfg(test)]
pub(crate) mod example;
#[cfg(test)]
mod tests;
