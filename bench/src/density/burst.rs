//! Bursts: so many instances from nothing, as fast as they go, several at a time; then all are ended.
//!
//! With one at a time it is a latency, with as many as there are CPUs the machine is full, and with a hundred it is
//! seen who waits for whom: locks of the kernel, or the lab. Stacks and levels take turns in random order, so that the
//! machine's drift is in all of them.

use super::section::{Burst, Need};
use super::{Lab, machine};
use crate::fleet::FleetError;
use isolab_timeline::Stack;

/// Makes all bursts of the plan.
pub(super) fn all(lab: &Lab<'_>, stacks: &[(Stack, Need)]) -> anyhow::Result<Vec<Burst>> {
    let mut bursts = Vec::new();
    let mut random = fastrand::Rng::with_seed(lab.plan.seed);
    let mut round: Vec<_> =
        stacks.iter().flat_map(|of| lab.extent().levels.iter().map(move |&level| (of, level))).collect();
    let repeat = if lab.extent().burst > 0 { lab.extent().repeat } else { 0 };
    let bar =
        lab.bar(repeat * round.iter().map(|((stack, _), _)| lab.extent().burst_of(*stack)).sum::<usize>());
    for _ in 0..repeat {
        random.shuffle(&mut round);
        for &((stack, need), at_once) in &round {
            bar.set_message(format!("{stack}, {at_once} at a time"));
            let Some(burst) = one(lab, *stack, need, at_once)? else {
                bar.finish_and_clear();
                return Ok(bursts);
            };
            bar.inc(lab.extent().burst_of(*stack) as u64);
            bursts.push(burst);
        }
    }
    bar.finish_and_clear();
    Ok(bursts)
}

/// One burst; `None` if it was interrupted.
fn one(lab: &Lab<'_>, stack: Stack, need: &Need, at_once: usize) -> anyhow::Result<Option<Burst>> {
    let room = machine::available().saturating_sub(lab.reserve).min(lab.budget);
    let burst = lab.extent().burst_of(stack);
    let instances = need.instances_in(room / 2).map_or(burst, |most| burst.min(most.max(1)));
    let commands = lab.commands(stack, instances)?;
    let mut fleet = lab.fleet(at_once)?;
    let mut wrong = Vec::new();
    match fleet.grow(commands, lab.interrupt) {
        Err(FleetError::Interrupted) => return Ok(None),
        grown => wrong.extend(grown.err()),
    }
    wrong.extend(fleet.check().err());
    let started = fleet.instances();
    let first = started.iter().map(|instance| instance.spawn_ns).min().unwrap_or_default();
    let last = started.iter().map(|instance| instance.ready_ns).max().unwrap_or_default();
    let ended = fleet.end();
    wrong.extend(ended.wrong);
    Ok(Some(Burst {
        stack,
        at_once,
        instances: started.len(),
        took_ns: last - first,
        ended_ns: ended.took.as_nanos() as u64,
        wrong: wrong.iter().map(ToString::to_string).collect(),
    }))
}
