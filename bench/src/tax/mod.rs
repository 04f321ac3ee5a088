//! `isolab tax`: what a wall costs once the work runs, when its start is long paid for.
//!
//! The same work in every stack, launched in two sizes; the time between its marks *begin* and *ready*, stamped by the
//! lab as for any launch. The difference of the two times by the difference of the two sizes is the price of one
//! operation: what a launch costs besides, and what the marks themselves cost, is in both and falls out. So no clock
//! inside of a guest is read, and none in the work.
//!
//! 1. [`work`]: which work, and its two sizes.
//! 2. [`take`]: the launches, in rounds: each launches every work of every stack in both sizes, in an order drawn anew.
//! 3. [`section`]: how `samples.json` holds them.
//! 4. [`figures`]: the price of an operation, its interval, and as a multiple of a bare process's; and how many page
//!    faults, context switches and exits one operation is.
//! 5. [`table`]: all of it on the terminal.

pub mod figures;
pub mod section;
pub mod table;
pub mod work;

use crate::compare::{self, PAUSE, Plan};
use crate::instance::{Launched, Launcher};
use crate::interrupt::Interrupt;
use crate::{ground::Ground, sandbox, schedule, stacks};
use isolab_timeline::{Mark, Stack, Workload};
use section::{Absent, Launch, Tax};
pub use work::Work;

/// How many rounds there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// Rounds that come first and do not count.
    pub warmup: usize,
    /// Rounds that count.
    pub counted: usize,
}

/// Launches all work in each of `stacks`, which were tried and work. Says why it ended early, if so.
pub fn take(
    plan: &Plan,
    stacks: &[Stack],
    ground: &Ground,
    launcher: &Launcher,
    interrupt: &Interrupt,
) -> anyhow::Result<(Tax, Option<String>)> {
    let mut tax = Tax { warmup: plan.rounds.warmup, launches: Vec::new(), absent: Vec::new() };
    let rounds = plan.rounds.warmup + plan.rounds.counted;
    let mut turns: Vec<(Stack, Workload)> = Vec::new();
    for (&stack, work) in stacks.iter().flat_map(|stack| Work::ALL.map(|work| (stack, work))) {
        let sizes = work.sizes();
        match sizes.map(|size| stacks::of(stack).command(ground, size)) {
            [Ok(_), Ok(_)] => turns.extend(sizes.map(|size| (stack, size))),
            [Err(refusal), _] | [_, Err(refusal)] => {
                tax.absent.push(Absent { stack, work, reason: refusal.reason });
            }
        }
    }
    let planned = turns.len() * rounds;
    let bar = compare::progress(plan.progress, planned, "launches");
    let mut random = fastrand::Rng::with_seed(plan.seed);
    for (round, (stack, workload)) in schedule::rounds(&turns, rounds, plan.seed) {
        std::thread::sleep(PAUSE.mul_f64(random.f64()));
        let Ok(command) = stacks::of(stack).command(ground, workload) else { continue };
        bar.set_message(format!("{stack}: {workload}"));
        let Launched { timeline, outcome, exits, invalid, .. } =
            sandbox::launch(stacks::of(stack), command, ground, launcher)?;
        if interrupt.came() {
            // The launch that the signal hit was not measured; all before it were.
            bar.finish_and_clear();
            let why = format!("it was interrupted after {} of {planned} launches", tax.launches.len());
            return Ok((tax, Some(why)));
        }
        let work_ns = timeline.span(Mark::Begin, Mark::Ready);
        tax.launches.push(Launch { stack, workload, round, work_ns, exit: outcome, exits, invalid });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((tax, None))
}
