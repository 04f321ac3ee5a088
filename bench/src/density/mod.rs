//! Density: how many instances of a stack fit on this machine, how quickly they start side by side, and whether either could
//! have been foretold.
//!
//! 1. `room.rs`, `machine.rs`: a few instances tell what one needs; what that makes for all is held against this host's
//!    limits, and refused with the numbers before anything is started.
//! 2. `burst.rs`: so many launches as fast as they go, by how many are started at a time, in random order.
//! 3. `fill.rs`: a fleet grows batch by batch ([`crate::fleet`]), every instance looked at after each batch, until the
//!    budget, a fall of `MemAvailable`, is used up. The lab watches it and keeps a reserve. Below it is a net, a memory
//!    cgroup with a limit ([`crate::memory::lodging`]): if the lab does not stop in time, the kernel ends one of those in
//!    it, and so the fleet. (A container's own processes are in its own group, which has its own limit.)
//! 4. [`figures`]: a fifth of the way up a line through what was seen so far foretells the rest; it is published
//!    before the rest is measured, and scored after.
//! 5. [`section`]: what was measured, raw. [`table`]: the figures for the terminal.

mod burst;
pub mod figures;
mod fill;
mod machine;
mod room;
pub mod section;
pub mod table;

pub use machine::available;
pub use room::NoRoom;

use crate::compare::{self, progress};
use crate::fleet::{Fleet, FleetError};
use crate::ground::Ground;
use crate::interrupt::Interrupt;
use crate::memory::lodging::Lodging;
use crate::samples::SamplesFile;
use crate::{placement, stacks};
use anyhow::Context;
use indicatif::ProgressBar;
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use section::{Density, Need};
use std::process::Command;
use std::time::Duration;

/// How many instances are started to learn what one needs.
const FEW: usize = 8;

/// Guests that boot Linux, where few are enough.
const SOME_LINUX: usize = 20;

/// The usual parallelism of bursts: one at a time, one a CPU, and all at once.
pub fn levels(cpus: usize, burst: usize) -> Vec<usize> {
    let mut levels = vec![1, cpus, burst.max(1)];
    levels.sort_unstable();
    levels.dedup();
    levels
}

/// How far to go; what to launch, and how long to wait for it, is in [`compare::Plan`].
#[derive(Clone, Debug)]
pub struct Plan {
    /// By how much `MemAvailable` may fall, in bytes; `None`: all but the reserve.
    pub budget: Option<u64>,
    /// The median start at which to stop.
    pub until: Option<Duration>,
    /// How many instances to start at most.
    pub max: Option<usize>,
    /// The same of stacks that boot Linux, in bursts as well: each has tens of MiB.
    pub linux_max: Option<usize>,
    /// How many to start at a time while the budget is filled.
    pub at_once: usize,
    /// How many are started in a burst; 0: no bursts.
    pub burst: usize,
    /// How many are started at a time in a burst: one burst for each.
    pub levels: Vec<usize>,
    /// How often each burst is made.
    pub repeat: usize,
}

impl Plan {
    /// A fleet and bursts of so many instances, few enough for any machine.
    pub fn some(instances: usize) -> Plan {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Plan {
            budget: None,
            until: None,
            max: Some(instances),
            linux_max: Some(SOME_LINUX),
            at_once: cpus,
            burst: instances,
            levels: levels(cpus, instances),
            repeat: 6,
        }
    }

    /// How many instances of this stack to start at most.
    pub(crate) fn max_of(&self, stack: Stack) -> Option<usize> {
        self.max.into_iter().chain(self.linux(stack)).min()
    }

    /// How many of them in a burst.
    pub(crate) fn burst_of(&self, stack: Stack) -> usize {
        self.linux(stack).map_or(self.burst, |most| most.min(self.burst))
    }

    fn linux(&self, stack: Stack) -> Option<usize> {
        self.linux_max.filter(|_| stack.boots_linux())
    }
}

/// Measures the density of stacks that work, and puts it into `file`.
pub fn measure(
    plan: &compare::Plan,
    ground: &Ground,
    stacks: &[Stack],
    interrupt: &Interrupt,
    file: &mut SamplesFile,
) -> anyhow::Result<()> {
    let extent = &plan.density;
    placement::spread().context("giving the lab all of its CPUs")?;
    let reserve = machine::reserve();
    let budget = room::budget(extent.budget, reserve)?;
    let lab = Lab { plan, ground, interrupt, reserve, budget };
    // Who cannot be held is refused before anybody is measured.
    let mut needs = Vec::new();
    for &stack in stacks {
        if interrupt.came() {
            break;
        }
        needs.push((stack, lab.need(stack)?));
    }
    let mut density = Density {
        placement: placement::spread_rule().context("counting the CPUs")?,
        memory_mib: plan.memory_mib,
        at_once: extent.at_once,
        budget_bytes: budget,
        max: extent.max,
        until_ns: extent.until.map(|until| until.as_nanos() as u64),
        reserve_bytes: reserve,
        net_bytes: None,
        bursts: Vec::new(),
        fills: Vec::new(),
    };
    density.bursts = burst::all(&lab, &needs)?;
    // Not before: a burst is small, and to be charged to a group costs each start a little.
    let most = machine::net(reserve);
    let net = Lodging::enter(Some(most));
    density.net_bytes = net.is_ok().then_some(most);
    for (stack, need) in needs {
        if interrupt.came() {
            break;
        }
        density.fills.push(fill::fill(&lab, stack, need)?);
    }
    if interrupt.came() {
        let (done, all) = (density.fills.len(), stacks.len());
        file.partial = Some(format!("it was interrupted; of {all} stacks {done} were begun to be filled"));
    }
    file.density = Some(density);
    Ok(())
}

/// What every step has at hand.
struct Lab<'a> {
    plan: &'a compare::Plan,
    ground: &'a Ground,
    interrupt: &'a Interrupt,
    reserve: u64,
    budget: u64,
}

impl Lab<'_> {
    fn extent(&self) -> &Plan {
        &self.plan.density
    }

    /// Commands that hold at *ready*.
    fn commands(&self, stack: Stack, count: usize) -> anyhow::Result<Vec<Command>> {
        stacks::commands(stack, self.ground, Workload(Kind::Wait), count)
    }

    fn fleet(&self, at_once: usize) -> Result<Fleet, FleetError> {
        Fleet::new(at_once, self.plan.limit)
    }

    fn bar(&self, length: usize) -> ProgressBar {
        progress(self.plan.progress, length, "instances")
    }

    /// Starts a few, to learn what one needs, and asks whether the host has room for as many as there are to be.
    fn need(&self, stack: Stack) -> anyhow::Result<Need> {
        let few = self.extent().max_of(stack).map_or(FEW, |max| max.min(FEW));
        let before = machine::available();
        let mut fleet = self.fleet(self.extent().at_once.min(few))?;
        match fleet.grow(self.commands(stack, few)?, self.interrupt) {
            // What there is of them is enough to leave by.
            Err(FleetError::Interrupted) => return Ok(Need::of(&fleet, before)),
            grown => grown.with_context(|| format!("starting {few} instances of {stack}"))?,
        }
        let need = Need::of(&fleet, before);
        let wrong = fleet.end().wrong;
        if let Some(first) = wrong.into_iter().next() {
            return Err(anyhow::Error::new(first).context(format!("ending {few} instances of {stack}")));
        }
        let levels = self.extent().levels.iter().copied().filter(|_| self.extent().burst > 0);
        let at_once = levels.chain([self.extent().at_once]).max().unwrap_or(1);
        let instances = self.extent().max_of(stack).or_else(|| need.instances_in(self.budget)).unwrap_or(few);
        room::check(stack, &need, instances.max(self.extent().burst_of(stack)), at_once)?;
        Ok(need)
    }
}
