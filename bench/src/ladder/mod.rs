//! `isolab ladder`: the two walls, one rung at a time: what each piece of a container and of a VM costs.
//!
//! A launch of a rung has that rung and all below it, by the same small static program (`bench/floors`), started and
//! stamped as every other launch. What a rung costs is the difference of the medians of its launches and of those one
//! rung below, spawn → begin. On top stand the runtime's container and the VMM's guests: what they add to the bare rungs.
//!
//! 1. [`rung`]: which rungs there are, in which order, and why in that one.
//! 2. [`words`]: how each is launched.
//! 3. [`take`]: each is tried once; one that this host does not have is left out, and the ladder goes on without it. Then
//!    the launches, in rounds: each launches every rung once, in an order drawn anew.
//! 4. [`section`]: how `samples.json` holds them.
//! 5. [`figures`]: the cost of each rung, with its interval.
//! 6. [`table`]: all of it on the terminal.

pub mod figures;
pub mod rung;
pub mod section;
pub mod table;
pub mod words;

use crate::compare::{self, PAUSE, Plan};
use crate::ground::Ground;
use crate::instance::{Launched, Launcher};
use crate::interrupt::Interrupt;
use crate::sandbox::Refusal;
use crate::stacks::container_floor::FORBIDDEN;
use crate::stacks::{kvm_floor, microvm};
use crate::tax::Rounds;
use crate::{sandbox::Sandbox, schedule};
use isolab_timeline::Stack;
pub use rung::{Rung, Wall};
use section::{Absent, Ladder, Launch};

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// How often each rung is launched.
    pub rounds: Rounds,
    /// Other ways to do the same as well, and a virtio device.
    pub all: bool,
}

/// Launches every rung that works; those that are whole stacks where they are among `stacks`, which were tried. Says why it
/// ended early, if so.
pub fn take(
    plan: &Plan,
    stacks: &[Stack],
    ground: &Ground,
    launcher: &Launcher,
    interrupt: &Interrupt,
) -> anyhow::Result<(Ladder, Option<String>)> {
    let Extent { rounds: Rounds { warmup, counted }, all } = plan.ladder;
    let mut ladder = Ladder { warmup, launches: Vec::new(), absent: Vec::new() };
    let mut works: Vec<Rung> = Vec::new();
    let asked = |rung: &Rung| {
        (all || !rung.is_extra())
            && rung.stack().is_none_or(|stack| stack == Stack::Process || stacks.contains(&stack))
    };
    for rung in Rung::ALL.into_iter().filter(asked) {
        if rung == Rung::Virtio && !stacks.contains(&Stack::Microvm) {
            // Why there is no such guest is told of the stack.
            continue;
        }
        match attempt(rung, &works, ground, launcher)? {
            Ok(()) => works.push(rung),
            Err(Refusal { reason, fix }) => ladder.absent.push(Absent { rung, reason, fix }),
        }
    }
    let planned = works.len() * (warmup + counted);
    let bar = compare::progress(plan.progress, planned, "launches");
    let mut random = fastrand::Rng::with_seed(plan.seed);
    for (round, rung) in schedule::rounds(&works, warmup + counted, plan.seed) {
        std::thread::sleep(PAUSE.mul_f64(random.f64()));
        let Ok(command) = words::command(rung, &below(rung, &works), ground) else { continue };
        bar.set_message(rung.name());
        let Launched { timeline, outcome, invalid, .. } = launcher.run(command)?;
        if interrupt.came() {
            // The launch that the signal hit was not measured; all before it were.
            bar.finish_and_clear();
            let why = format!("it was interrupted after {} of {planned} launches", ladder.launches.len());
            return Ok((ladder, Some(why)));
        }
        ladder.launches.push(Launch { rung, round, marks_ns: timeline, exit: outcome, invalid });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((ladder, None))
}

/// The rungs below `rung`, lowest first, as far as they work.
pub fn below(rung: Rung, works: &[Rung]) -> Vec<Rung> {
    let mut below: Vec<Rung> =
        std::iter::successors(rung.base(), |rung| rung.base()).filter(|rung| works.contains(rung)).collect();
    below.reverse();
    below
}

/// Tries the real thing, once.
fn attempt(
    rung: Rung,
    works: &[Rung],
    ground: &Ground,
    launcher: &Launcher,
) -> anyhow::Result<Result<(), Refusal>> {
    let command = match words::command(rung, &below(rung, works), ground) {
        Ok(command) => command,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Launched { invalid, complaint, .. } = launcher.run(command)?;
    Ok(match invalid {
        None => Ok(()),
        Some(reason) => Err(Refusal { reason, fix: fix(rung, &complaint) }),
    })
}

fn fix(rung: Rung, complaint: &str) -> String {
    match rung.wall() {
        Some(Wall::Vm) => kvm_floor::FIX.into(),
        Some(Wall::Guest) => microvm::Microvm.fix(complaint),
        _ if rung == Rung::User => {
            "allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone)".into()
        }
        _ if complaint.contains(FORBIDDEN) => "run as root, or allow user namespaces".into(),
        _ => "see `isolab doctor`".into(),
    }
}
