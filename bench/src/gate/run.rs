//! The interleaved run: in each round every stack of both builds once, in random order.
//!
//! So whatever the machine does meanwhile, it does to both. The order of each round is drawn, which is what gives the
//! randomization test its meaning: had A and B been one program, any other order would have been as likely.

use super::build::Build;
use super::counts::{self, Counted};
use super::memory::{self, Grown};
use crate::compare::{PAUSE, Plan, command, progress, record};
use crate::ground::Ground;
use crate::host::Host;
use crate::instance::{Agreed, Launcher};
use crate::interrupt::Interrupt;
use crate::placement::Placement;
use crate::samples::{SamplesFile, Unavailable};
use crate::{sandbox, schedule, stacks};
use isolab_timeline::Stack;

/// What was measured of A and of B, in this order.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Their launches.
    pub files: [SamplesFile; 2],
    /// Their system calls.
    pub counted: [Counted; 2],
    /// Their idle instances.
    pub grown: Vec<Grown>,
}

impl Measured {
    /// Two records of launches and nothing else.
    pub fn launches(files: [SamplesFile; 2]) -> Measured {
        Measured { files, counted: Default::default(), grown: Vec::new() }
    }

    /// Says of both records why they are not whole.
    fn stop(&mut self, why: &str) {
        self.files.iter_mut().for_each(|file| file.partial = Some(why.into()));
    }
}

/// What is measured of each build.
#[derive(Clone, Copy, Debug)]
pub struct Metrics {
    /// Launches: `plan.runs` rounds after `plan.warmup`.
    pub startup: bool,
    /// System calls.
    pub counts: bool,
    /// Memory of idle instances: as many of each build as `plan.memory` says.
    pub memory: bool,
}

/// Measures both builds.
pub fn run(
    plan: &Plan,
    metrics: Metrics,
    builds: [&Build; 2],
    interrupt: &Interrupt,
) -> anyhow::Result<Measured> {
    let lay = |build: &Build| Ground::lay(build.programs.clone(), plan.memory_mib, plan.kernel.clone());
    let grounds = [lay(builds[0])?, lay(builds[1])?];
    let placement = Placement::choose()?;
    let host = Host::read(grounds[0].limits());
    let launcher = Launcher::new(placement, plan.limit)?;
    let file = |build: usize| record(plan, host.clone(), builds[build].commit.clone(), placement);
    let mut measured = Measured::launches([file(0), file(1)]);

    let mut both = Vec::new();
    for &stack in &plan.stacks {
        let refusals = [0, 1]
            .map(|build| sandbox::probe(stacks::of(stack), &grounds[build], &launcher, plan.workload).err());
        if refusals.iter().all(Option::is_none) {
            both.push(stack);
        }
        for (file, refusal) in measured.files.iter_mut().zip(refusals) {
            file.unavailable.extend::<Option<Unavailable>>(refusal);
        }
    }
    for (file, ground) in measured.files.iter_mut().zip(&grounds) {
        if both.iter().any(|stack| stack.boots_linux()) {
            file.guest = ground.kernel().ok().map(|kernel| kernel.words.clone());
        }
    }
    if metrics.counts {
        for (counted, ground) in measured.counted.iter_mut().zip(&grounds) {
            *counted = counts::count(&both, ground, plan.limit);
        }
    }
    if metrics.startup {
        rounds(plan, &both, &grounds, &launcher, interrupt, &mut measured)?;
    }
    if metrics.memory && measured.files[0].partial.is_none() {
        measured.grown = memory::take(plan, &both, &grounds, interrupt)?;
        if interrupt.came() {
            measured.stop("it was interrupted while memory was measured");
        }
    }
    Ok(measured)
}

fn rounds(
    plan: &Plan,
    stacks: &[Stack],
    grounds: &[Ground; 2],
    launcher: &Launcher,
    interrupt: &Interrupt,
    measured: &mut Measured,
) -> anyhow::Result<()> {
    let sides: Vec<(Stack, usize)> = stacks.iter().flat_map(|&stack| [(stack, 0), (stack, 1)]).collect();
    let turns = schedule::plan(&sides, plan.warmup, plan.runs, plan.seed);
    let bar = progress(plan.progress, turns.len(), "launches");
    let mut agreed = Agreed::on(plan.workload);
    let mut random = fastrand::Rng::with_seed(plan.seed);
    for (order, turn) in turns.iter().enumerate() {
        let (stack, build) = turn.stack;
        std::thread::sleep(PAUSE.mul_f64(random.f64()));
        // It was tried, and could be built.
        let Some(command) = command(stack, &grounds[build], plan.workload) else { continue };
        bar.set_message(stack.name());
        let mut launch = sandbox::launch(stacks::of(stack), command, &grounds[build], launcher)?;
        if interrupt.came() {
            let why = format!("it was interrupted after {order} of {} launches", turns.len());
            measured.stop(&why);
            break;
        }
        agreed.judge(&mut launch);
        measured.files[build].samples.push(launch.into_sample(stack, plan.workload, order, turn.warmup));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}
