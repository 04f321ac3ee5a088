//! All figures of a run: for each stack every clock and every phase, with intervals and ratios.

use super::bootstrap::Medians;
use super::{Difference, Interval, Ratio, Sorted};
use crate::host::clock::Clock as Time;
use crate::samples::{SamplesFile, ms};
use isolab_timeline::{Mark, Phase, Stack, Timeline};

/// A ruler: from one mark to another, most from the spawn. Which one is chosen can change a ranking, so all are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// To the workload's first instruction: the headline.
    Begin,
    /// To the end of the work.
    Ready,
    /// To the workload's last instruction.
    End,
    /// To the moment at which nothing of the launch is left.
    Reaped,
    /// The work alone, without what comes before it.
    Work,
    /// What comes after the work.
    Teardown,
}

impl Clock {
    /// All clocks: those from the spawn in the order in which they stop, then the others.
    pub const ALL: [Clock; 6] =
        [Clock::Begin, Clock::Ready, Clock::End, Clock::Reaped, Clock::Work, Clock::Teardown];

    /// The mark that starts this clock and the one that stops it.
    pub const fn marks(self) -> (Mark, Mark) {
        match self {
            Clock::Begin => (Mark::Spawn, Mark::Begin),
            Clock::Ready => (Mark::Spawn, Mark::Ready),
            Clock::End => (Mark::Spawn, Mark::End),
            Clock::Reaped => (Mark::Spawn, Mark::Reaped),
            Clock::Work => (Mark::Begin, Mark::Ready),
            Clock::Teardown => (Mark::End, Mark::Reaped),
        }
    }

    /// What it reads of one launch, in nanoseconds; `None` where a mark is missing.
    pub fn span(self, launch: &Timeline) -> Option<i64> {
        let (from, to) = self.marks();
        launch.span(from, to)
    }

    /// Its name in a word, for files and series.
    pub const fn word(self) -> &'static str {
        match self {
            Clock::Begin => "begin",
            Clock::Ready => "ready",
            Clock::End => "end",
            Clock::Reaped => "reaped",
            Clock::Work => "work",
            Clock::Teardown => "teardown",
        }
    }

    /// Its name: t0 → t.
    pub const fn name(self) -> &'static str {
        match self {
            Clock::Begin => "spawn → begin",
            Clock::Ready => "spawn → ready",
            Clock::End => "spawn → end",
            Clock::Reaped => "spawn → reaped",
            Clock::Work => "begin → ready",
            Clock::Teardown => "end → reaped",
        }
    }
}

/// One span of one stack over its launches, in milliseconds; or another quantity, as who computes it says.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Every launch's value.
    pub sample: Sorted,
    /// 95 % interval of the median; absent when there are too few launches.
    pub interval: Option<Interval>,
    /// The median is less than what the marks themselves cost in this stack: nothing was measured but
    /// that it is short. Such a figure has no ratio.
    pub below_probe: bool,
    medians: Option<Medians>,
}

impl Figure {
    pub(crate) fn of(sample: Sorted, probe: Option<f64>, random: &mut fastrand::Rng) -> Figure {
        let medians = Medians::draw(&sample, random);
        Figure {
            interval: medians.as_ref().map(Medians::interval),
            below_probe: probe.is_some_and(|probe| sample.median() < probe),
            sample,
            medians,
        }
    }

    /// The median.
    pub fn p50(&self) -> f64 {
        self.sample.median()
    }

    /// The 95 % quantile: one launch in twenty takes longer.
    pub fn p95(&self) -> f64 {
        self.sample.quantile(0.95)
    }

    /// How many launches.
    pub fn n(&self) -> usize {
        self.sample.values().len()
    }

    /// By how much this median is above `base`'s.
    pub fn above(&self, base: &Figure) -> Difference {
        let interval = |(above, base): (&Medians, &Medians)| above.difference_interval(base);
        Difference {
            value: self.p50() - base.p50(),
            interval: self.medians.as_ref().zip(base.medians.as_ref()).map(interval),
        }
    }

    /// This median as a multiple of `base`'s, where both were measured and are above zero.
    pub fn ratio(&self, base: &Figure) -> Option<Ratio> {
        let measured = |figure: &Figure| !figure.below_probe && figure.sample.min() > 0.0;
        (measured(self) && measured(base)).then(|| Ratio {
            value: self.p50() / base.p50(),
            interval: self
                .medians
                .as_ref()
                .zip(base.medians.as_ref())
                .map(|(m, base)| m.ratio_interval(base)),
        })
    }
}

/// All figures of one stack.
#[derive(Clone, Debug)]
pub struct StackSummary {
    /// Which stack.
    pub stack: Stack,
    /// KVM emulates a part of its launches: its times are in no ratio ([`Host::emulates`]).
    ///
    /// [`Host::emulates`]: crate::host::Host::emulates
    pub emulated: bool,
    /// Launches that count.
    pub n: usize,
    /// The median of the null probe: what a mark costs in this stack, in milliseconds.
    pub probe: Option<f64>,
    clocks: [Option<Figure>; Clock::ALL.len()],
    phases: [Option<Figure>; Phase::ALL.len()],
}

impl StackSummary {
    /// The figure of one clock; `None` when no launch has its mark.
    pub fn clock(&self, clock: Clock) -> Option<&Figure> {
        self.clocks[clock as usize].as_ref()
    }

    /// The figure of one phase; `None` when no launch has it.
    pub fn phase(&self, phase: Phase) -> Option<&Figure> {
        self.phases[phase as usize].as_ref()
    }
}

/// All figures of a run.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What the times are times of, and so their unit.
    pub time: Time,
    /// The stacks of which at least one launch counts, in the order of [`Stack::every`].
    pub stacks: Vec<StackSummary>,
}

impl Summary {
    /// The phases that some stack has, in order.
    pub fn phases(&self) -> Vec<Phase> {
        let has = |phase| self.stacks.iter().any(|stack| stack.phase(phase).is_some());
        Phase::ALL.into_iter().filter(|&phase| has(phase)).collect()
    }

    /// Computes everything, once. The run's seed drives the bootstrap, so that the same samples always
    /// give the same report.
    pub fn of(file: &SamplesFile) -> Summary {
        let mut random = fastrand::Rng::with_seed(file.seed);
        let stacks = file.stacks().map(|stack| {
            let probes = file.probe_ns.get(&stack).into_iter().flatten();
            let probe = Sorted::new(probes.map(|&span| ms(span))).map(|spans| spans.median());
            let mut figure = |sample| Some(Figure::of(sample?, probe, &mut random));
            StackSummary {
                stack,
                emulated: file.host.emulates(stack),
                n: file.counted(stack).count(),
                probe,
                clocks: Clock::ALL.map(|clock| {
                    let (from, to) = clock.marks();
                    figure(Sorted::new(file.spans_ms(stack, from, to)))
                }),
                phases: Phase::ALL.map(|phase| {
                    let spans = file.counted(stack).filter_map(|launch| phase.of(&launch.marks_ns));
                    figure(Sorted::new(spans.map(ms)))
                }),
            }
        });
        Summary { time: file.host.clock, stacks: stacks.collect() }
    }

    /// One stack's figures, where it was measured.
    pub fn get(&self, stack: Stack) -> Option<&StackSummary> {
        self.stacks.iter().find(|summary| summary.stack == stack)
    }

    /// One clock of one stack.
    pub fn clock(&self, stack: Stack, clock: Clock) -> Option<&Figure> {
        self.get(stack)?.clock(clock)
    }

    /// Whether a part of some stack's launches was emulated.
    pub fn any_emulated(&self) -> bool {
        self.stacks.iter().any(|stack| stack.emulated)
    }

    /// How many times as long `stack` takes as `base` on one clock; `None` also where one of them is emulated.
    pub fn ratio(&self, stack: Stack, base: Stack, clock: Clock) -> Option<Ratio> {
        let of = |stack| self.get(stack).filter(|stack| !stack.emulated)?.clock(clock);
        of(stack)?.ratio(of(base)?)
    }

    /// How many launches of each stack count: "100", or "98 to 100" where they differ.
    pub fn launches(&self) -> String {
        let counts = || self.stacks.iter().map(|summary| summary.n);
        match (counts().min(), counts().max()) {
            (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
            (least, _) => least.unwrap_or(0).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn warm_up_and_invalid_launches_do_not_count() {
        let mut file = example::run();
        let before = Summary::of(&file).clock(Stack::Container, Clock::Begin).unwrap().clone();
        let mut slow = file.samples.iter().rfind(|sample| sample.stack == Stack::Container).unwrap().clone();
        slow.marks_ns.set(Mark::Begin, 900_000_000);
        slow.warmup = true;
        file.samples.push(slow.clone());
        slow.warmup = false;
        slow.invalid = Some("exit status 1".into());
        file.samples.push(slow.clone());
        let same = Summary::of(&file).clock(Stack::Container, Clock::Begin).unwrap().clone();
        assert_eq!((same.n(), same.sample), (before.n(), before.sample.clone()));
        slow.invalid = None;
        file.samples.push(slow);
        let more = Summary::of(&file).clock(Stack::Container, Clock::Begin).unwrap().clone();
        assert_eq!((more.n(), more.sample.max()), (before.n() + 1, 900.0));
    }

    #[test]
    fn a_median_below_the_null_probe_is_flagged_and_has_no_ratio() {
        let mut file = example::run();
        let summary = Summary::of(&file);
        assert!(!summary.clock(Stack::Container, Clock::Begin).unwrap().below_probe);
        assert!(summary.ratio(Stack::Container, Stack::Process, Clock::Begin).is_some());
        file.probe_ns.insert(Stack::Process, vec![800_000_000]);
        let summary = Summary::of(&file);
        assert!(summary.clock(Stack::Process, Clock::Begin).unwrap().below_probe);
        assert!(summary.ratio(Stack::Container, Stack::Process, Clock::Begin).is_none());
    }

    #[test]
    fn the_ratio_is_that_of_the_medians_and_lies_in_its_interval() {
        let summary = Summary::of(&example::run());
        let [container, process] =
            [Stack::Container, Stack::Process].map(|stack| summary.clock(stack, Clock::Begin).unwrap().p50());
        let ratio = summary.ratio(Stack::Container, Stack::Process, Clock::Begin).unwrap();
        assert!((ratio.value - container / process).abs() < 1e-12);
        assert!(ratio.interval.unwrap().contains(ratio.value));
    }

    #[test]
    fn what_kvm_emulates_has_figures_and_no_ratio() {
        let mut file = example::run();
        file.host.guest_kernel = "emulated".into();
        let summary = Summary::of(&file);
        let ratio = |stack, base| summary.ratio(stack, base, Clock::Begin);
        assert!(summary.any_emulated() && summary.clock(Stack::Unikernel, Clock::Begin).is_some());
        assert!(ratio(Stack::Unikernel, Stack::Process).is_none());
        assert!(ratio(Stack::Unikernel, Stack::KvmFloor).is_none());
        assert!(ratio(Stack::Container, Stack::Process).is_some());
    }

    #[test]
    fn a_stack_without_a_launch_that_counts_is_absent() {
        let mut file = example::run();
        file.samples.retain(|sample| sample.stack != Stack::Unikernel || sample.warmup);
        let summary = Summary::of(&file);
        assert!(summary.get(Stack::Unikernel).is_none() && summary.get(Stack::Process).is_some());
        assert!(summary.ratio(Stack::Unikernel, Stack::Process, Clock::Begin).is_none());
    }
}
