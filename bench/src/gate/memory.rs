//! What one more idle instance costs, of A and of B, in one fleet.
//!
//! Each round starts a batch of A's instances and one of B's, in an order drawn anew, beside all that hold already. After
//! each batch the lab waits as the ledger does ([`crate::memory::measure`]) and reads; what a batch has taken, divided
//! by its size, is one value. So both builds fill the same machine in the same minute, and what fills up (slabs,
//! per-CPU lists) fills up under both. One instance of each comes first and is in no figure: it brings into memory what
//! all share.

use crate::compare::Plan;
use crate::fleet::{Fleet, FleetError};
use crate::ground::Ground;
use crate::interrupt::Interrupt;
use crate::memory::machine::Machine;
use crate::memory::measure::{self, AT_ONCE, SETTLE};
use crate::memory::processes::{Launched, Processes};
use crate::{schedule, stacks};
use anyhow::Context;
use indicatif::ProgressBar;
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use rustix::thread::disable_transparent_huge_pages;
use serde::Serialize;
use std::process::Command;
use std::thread::sleep;

/// Which figure of a batch is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruler {
    /// Counted for its processes alone: their pages, their guest's, and their page tables. No other program moves it.
    Own,
    /// What the whole machine has less afterwards, the kernel's part included; others move it, too.
    Fall,
}

impl Ruler {
    /// Both, in the order in which they are shown.
    pub const ALL: [Ruler; 2] = [Ruler::Own, Ruler::Fall];

    /// What tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Ruler::Own => "own pages",
            Ruler::Fall => "MemAvailable falls",
        }
    }

    /// The figure, in KiB.
    pub fn kib(self, taken: &Taken) -> f64 {
        match self {
            Ruler::Own => taken.own_kib,
            Ruler::Fall => taken.fall_kib,
        }
    }
}

/// What an instance of one batch took, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Taken {
    /// [`Ruler::Own`].
    pub own_kib: f64,
    /// [`Ruler::Fall`].
    pub fall_kib: f64,
}

/// Both builds' instances of one stack.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Grown {
    /// The stack.
    pub stack: Stack,
    /// What an instance of each round took, of A and of B.
    pub rounds: Vec<[Taken; 2]>,
    /// What was wrong with an instance, or why there are fewer rounds than planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
}

/// Grows a fleet of each stack, one after the other, as far as `plan.memory` says for each build.
pub fn take(
    plan: &Plan,
    stacks: &[Stack],
    grounds: &[Ground; 2],
    interrupt: &Interrupt,
) -> anyhow::Result<Vec<Grown>> {
    let batches = |stack| measure::batches(plan.memory.instances(stack), plan.memory.batches);
    let steps: usize = stacks.iter().map(|&stack| 2 * (1 + batches(stack).count())).sum();
    let bar = crate::compare::progress(plan.progress, steps, "batches");
    disable_transparent_huge_pages(true).context("keeping huge pages out")?;
    let mut all = Vec::new();
    let grown = stacks.iter().filter(|_| !interrupt.came()).try_for_each(|&stack| {
        bar.set_message(stack.name());
        let sizes: Vec<_> = std::iter::once(1).chain(batches(stack)).collect();
        all.push(Grower { plan, stack, grounds, interrupt }.grow(&sizes, &bar)?);
        anyhow::Ok(())
    });
    // As it was, whatever happened.
    disable_transparent_huge_pages(false).context("letting huge pages in again")?;
    bar.finish_and_clear();
    grown.map(|()| all)
}

struct Grower<'a> {
    plan: &'a Plan,
    stack: Stack,
    grounds: &'a [Ground; 2],
    interrupt: &'a Interrupt,
}

impl Grower<'_> {
    fn grow(&self, sizes: &[usize], bar: &ProgressBar) -> anyhow::Result<Grown> {
        measure::clear_up()?;
        let mut grown = Grown { stack: self.stack, rounds: Vec::new(), wrong: None };
        let mut fleet = Fleet::new(AT_ONCE, self.plan.limit)?;
        let mut values = [None; 2];
        let mut before = Machine::read()?;
        let mut most = 0.0_f64;
        for (round, build) in schedule::rounds(&[0, 1], sizes.len(), self.plan.seed) {
            grown.wrong = measure::too_little(most as u64, sizes[round])?;
            if grown.wrong.is_some() {
                break;
            }
            let commands =
                stacks::commands(self.stack, &self.grounds[build], Workload(Kind::Wait), sizes[round])?;
            if let Err(error) = self.batch(&mut fleet, commands) {
                grown.wrong = Some(match error {
                    FleetError::Interrupted => error.to_string(),
                    other => format!("of {}: {other}", ["A", "B"][build]),
                });
                break;
            }
            let now = Machine::read()?;
            let taken = self.taken(&fleet, sizes[round], [before, now])?;
            most = most.max(taken.fall_kib);
            values[build] = Some(taken);
            if let [Some(a), Some(b)] = values {
                // The first round is the instance of each that is in no figure.
                grown.rounds.extend((round > 0).then_some([a, b]));
                values = [None; 2];
            }
            before = now;
            bar.inc(1);
        }
        let end = fleet.end();
        grown.wrong = grown.wrong.or_else(|| end.wrong.first().map(ToString::to_string));
        Ok(grown)
    }

    /// Starts more instances, waits, and sees that all are alive.
    fn batch(&self, fleet: &mut Fleet, commands: Vec<Command>) -> Result<(), FleetError> {
        fleet.grow(commands, self.interrupt)?;
        sleep(SETTLE);
        if self.interrupt.came() { Err(FleetError::Interrupted) } else { fleet.check() }
    }

    /// What each of the newest `size` instances took.
    fn taken(&self, fleet: &Fleet, size: usize, [before, now]: [Machine; 2]) -> anyhow::Result<Taken> {
        let instances = fleet.instances();
        let newest = &instances[instances.len() - size..];
        let pids: Vec<i32> = newest.iter().map(|each| each.pid.as_raw_nonzero().get()).collect();
        let own = Processes::read(&pids, Launched::of(self.stack, self.grounds[0].memory_mib))?;
        let own_kib = own.workload_kib + own.launcher_kib + own.guest_kib + own.page_tables_kib;
        let fall = before.available_bytes() as f64 - now.available_bytes() as f64;
        Ok(Taken { own_kib: own_kib as f64 / size as f64, fall_kib: fall / 1024.0 / size as f64 })
    }
}
