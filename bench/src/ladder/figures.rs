//! From launches to rungs: what each costs, how high the ladder is then, and what ending it costs more.
//!
//! A rung's cost is the difference of two medians, spawn → begin: of its own launches, and of those of the rung that it
//! stands on. Both were launched in the same rounds, in random order. What a Linux guest is made of cannot be switched on
//! one by one; its launches are divided by their own marks instead ([`How::Phase`]).

use super::section::{Ladder, Launch};
use super::{Rung, Wall, below};
use crate::host::Host;
use crate::samples::ms;
use crate::stats::{Difference, Figure, Sorted};
use isolab_timeline::{Mark, Stack, Timeline};

/// How a cost was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Launches with and without it.
    Launches,
    /// A phase of the launches that have it.
    Phase,
}

impl How {
    /// Its name, as in a table.
    pub const fn name(self) -> &'static str {
        match self {
            How::Launches => "launches",
            How::Phase => "phase",
        }
    }
}

/// One rung of the drawn ladder.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is switched on.
    pub name: &'static str,
    /// What it is part of; `None`: the bare process, at the foot of all.
    pub wall: Option<Wall>,
    /// The stack as which its launches are told of.
    pub stack: Stack,
    /// How the cost was found.
    pub how: How,
    /// Another way to do the same as the rung before it: no part of the way up.
    pub aside: bool,
    /// KVM emulates part of it: not a cost of hardware virtualization.
    pub emulated: bool,
    /// How many launches.
    pub n: usize,
    /// Where it begins, in milliseconds since the spawn.
    pub from: f64,
    /// What it costs, in milliseconds.
    pub cost: Difference,
    /// What its end costs more, end → reaped, in milliseconds; absent for a phase.
    pub teardown: Option<Difference>,
}

impl Step {
    /// Where it ends, in milliseconds since the spawn.
    pub fn to(&self) -> f64 {
        self.from + self.cost.value
    }

    /// Whether this run can tell its cost from none.
    pub fn is_told_from_none(&self) -> bool {
        self.cost.interval.is_some_and(|ends| !ends.contains(0.0))
    }
}

/// The phases of a Linux guest, each from one mark to the next.
const PHASES: [(&str, Mark, Mark); 3] = [
    ("the VMM's own set-up", Mark::Spawn, Mark::Loaded),
    ("+ guest kernel to its init", Mark::Loaded, Mark::Init),
    ("+ guest init to the work", Mark::Init, Mark::Begin),
];

/// The ladder of a run.
#[derive(Clone, Debug, Default)]
pub struct Steps(Vec<Step>);

/// The clocks of one rung, in milliseconds.
struct Measured {
    start: Figure,
    end: Figure,
}

impl Steps {
    /// Computes it. The seed drives the bootstrap.
    pub fn of(ladder: &Ladder, host: &Host, seed: u64) -> Steps {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut figure = |rung: Rung, from: Mark, to: Mark| {
            let span = |launch: &Launch| span(&launch.marks_ns, from, to);
            Some(Figure::of(Sorted::new(ladder.counted(rung).filter_map(span))?, None, &mut random))
        };
        let measured: Vec<(Rung, Measured)> = Rung::ALL
            .into_iter()
            .filter_map(|rung| {
                let start = figure(rung, Mark::Spawn, Mark::Begin)?;
                Some((rung, Measured { start, end: figure(rung, Mark::End, Mark::Reaped)? }))
            })
            .collect();
        let rungs: Vec<Rung> = measured.iter().map(|(rung, _)| *rung).collect();
        let of = |rung: Rung| measured.iter().find(|(of, _)| *of == rung).map(|(_, measured)| measured);
        let mut steps = Vec::new();
        for (rung, here) in &measured {
            let emulated = rung.runs_a_guest() && host.emulates_guest_kernels();
            let step = |name, how, from, cost, teardown| Step {
                name,
                wall: rung.wall(),
                stack: rung.launched_as(),
                how,
                aside: rung.is_aside(),
                emulated,
                n: here.start.n(),
                from,
                cost,
                teardown,
            };
            if *rung == Rung::Microvm {
                let mut from = 0.0;
                for (name, begin, end) in PHASES {
                    let Some(phase) = figure(*rung, begin, end) else { continue };
                    let cost = Difference { value: phase.p50(), interval: phase.interval };
                    steps.push(step(name, How::Phase, from, cost, None));
                    from += phase.p50();
                }
                continue;
            }
            let base = below(*rung, &rungs).last().and_then(|&base| of(base));
            steps.push(if let Some(base) = base {
                let (cost, teardown) = (here.start.above(&base.start), here.end.above(&base.end));
                step(rung.name(), How::Launches, base.start.p50(), cost, Some(teardown))
            } else {
                let whole = |figure: &Figure| Difference { value: figure.p50(), interval: figure.interval };
                step(rung.name(), How::Launches, 0.0, whole(&here.start), Some(whole(&here.end)))
            });
        }
        Steps(steps)
    }

    /// All of them, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = &Step> {
        self.0.iter()
    }

    /// Those of one wall.
    pub fn of_wall(&self, wall: Wall) -> impl Iterator<Item = &Step> {
        self.iter().filter(move |step| step.wall == Some(wall))
    }

    /// How many launches of each rung count: "100", or "98 to 100" where they differ.
    pub fn launches(&self) -> String {
        let counts = || self.iter().map(|step| step.n);
        match (counts().min(), counts().max()) {
            (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
            (least, _) => least.unwrap_or(0).to_string(),
        }
    }
}

fn span(marks: &Timeline, from: Mark, to: Mark) -> Option<f64> {
    marks.span(from, to).map(ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    fn steps(file: &crate::samples::SamplesFile) -> Steps {
        Steps::of(file.ladder.as_ref().unwrap(), &file.host, file.seed)
    }

    #[test]
    fn a_rung_costs_what_its_launches_take_more_than_those_below() {
        let file = example::with_ladder();
        let steps = steps(&file);
        // Each rung of the example costs 0.1 ms, the root 0.4.
        for step in steps.of_wall(Wall::Container) {
            let expected = if step.name == Rung::Overlay.name() { 0.4 } else { 0.1 };
            assert!((step.cost.value - expected).abs() < 0.02, "{step:?}");
            assert!(step.cost.interval.unwrap().contains(step.cost.value) && step.is_told_from_none());
        }
        let tops: Vec<_> = steps.of_wall(Wall::Container).collect();
        assert!(tops.windows(2).all(|pair| (pair[0].to() - pair[1].from).abs() < 1e-9), "no gap");
    }

    #[test]
    fn a_rung_that_is_missing_is_skipped_by_those_above() {
        let mut file = example::with_ladder();
        file.ladder.as_mut().unwrap().launches.retain(|launch| launch.rung != Rung::User);
        let steps = steps(&file);
        let pid = steps.iter().find(|step| step.name == Rung::Pid.name()).unwrap();
        assert!((pid.cost.value - 0.2).abs() < 0.02, "from fork and exec: {pid:?}");
    }

    #[test]
    fn a_linux_guest_is_told_apart_by_its_phases() {
        let steps = steps(&example::with_ladder());
        let guest: Vec<_> = steps.of_wall(Wall::Guest).collect();
        assert_eq!(guest.iter().filter(|step| step.how == How::Phase).count(), 3);
        let last = guest.last().unwrap();
        assert!(last.how == How::Launches && last.name == Rung::Nested.name());
        assert!((guest[2].to() - last.from).abs() < 1.0, "the phases add up: {guest:?}");
    }

    #[test]
    fn warm_up_and_failed_launches_do_not_count() {
        let mut file = example::with_ladder();
        let before = steps(&file);
        let ladder = file.ladder.as_mut().unwrap();
        let failed = ladder.launches.iter_mut().rfind(|launch| launch.rung == Rung::Uts).unwrap();
        failed.invalid = Some("exit status 1".into());
        for launch in ladder.launches.iter_mut().filter(|launch| launch.round == 0) {
            launch.marks_ns.set(Mark::Begin, i64::from(i32::MAX));
        }
        let after = steps(&file);
        let n = |steps: &Steps, rung: Rung| steps.iter().find(|step| step.name == rung.name()).unwrap().n;
        assert_eq!(n(&after, Rung::Uts), n(&before, Rung::Uts) - 1);
        assert_eq!(n(&after, Rung::Ipc), n(&before, Rung::Ipc));
        assert!(after.iter().all(|step| step.cost.value < 100.0));
    }
}
