//! Programs that do the same job, timed against each other: interleaved in random order in one run on one host, so
//! that what differs is the program. What counts is the ratio.

use crate::ground::Ground;
use crate::instance::Launcher;
use crate::sandbox::{self, Sandbox};
use crate::stats::bootstrap::Medians;
use crate::stats::{Sorted, show};
use anyhow::{anyhow, ensure};
use isolab_timeline::{Mark, Timeline, Workload};

/// One program, as it is configured for the race.
#[derive(Clone, Copy)]
pub struct Rival<'a> {
    /// What the table calls it.
    pub name: &'a str,
    /// How to start it: a stack of ours, or a peer.
    pub sandbox: &'a dyn Sandbox,
}

impl Rival<'_> {
    /// One launch that counts: it ended as it should and the work was done.
    fn launch(self, ground: &Ground, workload: Workload, launcher: &Launcher) -> anyhow::Result<Timeline> {
        let command = self.sandbox.command(ground, workload);
        let command = command.map_err(|refusal| anyhow!("{}; fix: {}", refusal.reason, refusal.fix))?;
        let launch = sandbox::launch(self.sandbox, command, ground, launcher)?;
        launch.invalid.map_or(Ok(launch.timeline), |why| Err(anyhow!("{}: {why}", self.name)))
    }
}

/// The launches of all that took part. The first is ours.
pub struct Race<'a> {
    names: Vec<&'a str>,
    launches: Vec<Vec<Timeline>>,
}

impl<'a> Race<'a> {
    /// Launches each rival once to see whether it can be run here, which is told of those that cannot, then all others
    /// `runs` times.
    pub fn run(
        mut rivals: Vec<Rival<'a>>,
        ground: &Ground,
        workload: Workload,
        runs: usize,
        launcher: &Launcher,
    ) -> anyhow::Result<Race<'a>> {
        let ours = rivals.first().map(|rival| rival.name);
        rivals.retain(|rival| {
            rival
                .launch(ground, workload, launcher)
                .inspect_err(|why| eprintln!("skipped: {}: {why:#}", rival.name))
                .is_ok()
        });
        let names: Vec<_> = rivals.iter().map(|rival| rival.name).collect();
        ensure!(ours.is_some() && names.first().copied() == ours, "our own program does not run");
        let mut timelines = vec![Vec::new(); rivals.len()];
        let (mut random, mut round) = (fastrand::Rng::with_seed(1), (0..rivals.len()).collect::<Vec<_>>());
        for _ in 0..runs {
            random.shuffle(&mut round);
            for &rival in &round {
                timelines[rival].push(rivals[rival].launch(ground, workload, launcher)?);
            }
        }
        Ok(Race { names, launches: timelines })
    }

    /// The launches of our own program.
    pub fn ours(&self) -> &[Timeline] {
        &self.launches[0]
    }

    /// Prints the medians from the spawn to `mark`, and our ratio to each rival's with its 95 % interval.
    pub fn print(&self, clock: &str, mark: Mark) {
        let mut random = fastrand::Rng::with_seed(1);
        let mut figures = self.launches.iter().filter_map(|launches| {
            let spans = launches.iter().filter_map(|launch| launch.span(Mark::Spawn, mark));
            let sample = Sorted::new(spans.map(|span| span as f64 / 1e6))?;
            Some((sample.median(), Medians::draw(&sample, &mut random)))
        });
        let Some((base, base_medians)) = figures.next() else { return };
        println!("\nspawn → {clock}, ms\n{:20} {:>8}", self.names[0], show::ms(base));
        for (name, (median, medians)) in self.names[1..].iter().zip(figures) {
            let interval = base_medians.as_ref().zip(medians.as_ref()).map(|(ours, theirs)| {
                let ends = ours.ratio_interval(theirs);
                format!(" ({} to {})", show::factor(ends.low), show::factor(ends.high))
            });
            let ratio = show::factor(base / median);
            let interval = interval.unwrap_or_default();
            println!("{name:20} {:>8}   ours / theirs {ratio}{interval}", show::ms(median));
        }
    }

    /// Prints the medians of our own marks: where our time goes.
    pub fn print_marks(&self) {
        println!("\n{}, since the spawn, ms", self.names[0]);
        for mark in Mark::ALL {
            let times = self.ours().iter().filter_map(|launch| launch.get(mark));
            if let Some(sample) = Sorted::new(times.map(|time| time as f64 / 1e6)) {
                println!("{:20} {:>8}", format!("{mark:?}").to_lowercase(), show::ms(sample.median()));
            }
        }
    }
}
