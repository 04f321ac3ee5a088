//! A fleet that grows until the budget is used up, or something else says stop.
//!
//! Batch by batch: is there room for one more; start it; is every instance still alive; read `MemAvailable`. The batch is
//! small against the budget, and against the room beside the reserve, so that no single step can harm the machine.
//! At a fifth of the way the prediction is made and published. At the end all instances are asked to end,
//! which those that work do; what the machine has then again is read as well.

use super::figures;
use super::section::{Fill, Launch, Need, Point, Stopped};
use super::{Lab, machine, room};
use crate::fleet::{Fleet, FleetError, Instance};
use isolab_timeline::Stack;
use std::time::Duration;

/// A whole way of about so many batches gives a fifth of it enough points for a line with an interval.
const BATCHES: usize = 100;
/// A batch larger than this is no small step.
const LARGEST_BATCH: usize = 50;
/// What a process has given back reaches `MemAvailable` a grace period or two later (RCU), so a reading waits.
const CALM: Duration = Duration::from_millis(20);
/// How often, and how long in all, the memory that a fleet gives back is waited for.
const BACK: (Duration, u32) = (Duration::from_millis(100), 100);
/// Less than this from one reading to the next is what any machine does by itself, in bytes.
const STILL: u64 = 2 << 20;

/// Fills the budget with instances of one stack.
pub(super) fn fill(lab: &Lab<'_>, stack: Stack, need: Need) -> anyhow::Result<Fill> {
    still();
    let mut fill = Fill {
        stack,
        need,
        before_bytes: machine::available(),
        predicted_at: None,
        points: Vec::new(),
        launches: Vec::new(),
        stopped: Stopped::Max,
        why: None,
        ended_ns: 0,
        wrong: Vec::new(),
        after_bytes: 0,
    };
    let mut fleet = lab.fleet(lab.extent().at_once)?;
    grow(lab, &mut fill, &mut fleet)?;
    fill.launches = launches(&fleet.instances());
    let ended = fleet.end();
    fill.ended_ns = ended.took.as_nanos() as u64;
    fill.wrong = ended.wrong.iter().map(ToString::to_string).collect();
    fill.after_bytes = still();
    Ok(fill)
}

fn grow(lab: &Lab<'_>, fill: &mut Fill, fleet: &mut Fleet) -> anyhow::Result<()> {
    let estimate = fill.need.instances_in(lab.budget);
    let max = lab.extent().max_of(fill.stack);
    let whole = max.into_iter().chain(estimate).min().unwrap_or(BATCHES * lab.extent().at_once);
    let bar = lab.bar(whole);
    bar.set_message(fill.stack.name());
    loop {
        let room = machine::available().saturating_sub(lab.reserve);
        let left = max.map_or(usize::MAX, |max| max - fleet.len());
        let batch = batch(lab, &fill.need, whole, room).min(left);
        let stop = if lab.interrupt.came() {
            Some(Stopped::Interrupted)
        } else if left == 0 {
            Some(Stopped::Max)
        } else if batch == 0 {
            Some(Stopped::Reserve)
        } else if let Err(why) = room::check(fill.stack, &fill.need, batch, lab.extent().at_once) {
            fill.why = Some(why.to_string());
            Some(Stopped::Reserve)
        } else {
            step(lab, fill, fleet, batch)?
        };
        bar.set_position(fleet.len() as u64);
        if let Some(stopped) = stop {
            fill.stopped = stopped;
            bar.finish_and_clear();
            return Ok(());
        }
        if fill.predicted_at.is_none() && is_a_fifth(lab, fill) {
            fill.predicted_at = Some(fleet.len());
            let said = figures::published(fill, lab.budget, max, lab.plan.seed);
            bar.suspend(|| eprintln!("isolab: {said}"));
        }
    }
}

/// Starts one batch and looks at all. Says whether it was the last.
fn step(lab: &Lab<'_>, fill: &mut Fill, fleet: &mut Fleet, batch: usize) -> anyhow::Result<Option<Stopped>> {
    match fleet.grow(lab.commands(fill.stack, batch)?, lab.interrupt).and_then(|()| fleet.check()) {
        Err(FleetError::Interrupted) => return Ok(Some(Stopped::Interrupted)),
        Err(error) => {
            fill.why = Some(error.to_string());
            return Ok(Some(Stopped::Failed));
        }
        Ok(()) => {}
    }
    std::thread::sleep(CALM);
    let available_bytes = machine::available();
    fill.points.push(Point { instances: fleet.len(), available_bytes });
    // Only for the newest batch's start: all launches are noted at the end.
    fill.launches = launches(&fleet.instances());
    let late =
        |until: Duration| fill.starts().last().is_some_and(|&(_, start)| start >= until.as_nanos() as f64);
    let spent = fill.before_bytes.saturating_sub(available_bytes) >= lab.budget;
    Ok(if spent {
        Some(Stopped::Budget)
    } else {
        lab.extent().until.filter(|&until| late(until)).map(|_| Stopped::Until)
    })
}

/// How many to start next; 0: not even one has room.
fn batch(lab: &Lab<'_>, need: &Need, whole: usize, room: u64) -> usize {
    let small =
        whole.div_ceil(BATCHES).max(lab.extent().at_once).min(LARGEST_BATCH.max(lab.extent().at_once));
    match need.instances_in(room) {
        _ if room == 0 => 0,
        // A quarter of the room: what one needs is not known that well.
        Some(most) => small.min(most.div_ceil(4)),
        None => small,
    }
}

/// Whether a fifth of what the plan allows is there, by number or by memory.
fn is_a_fifth(lab: &Lab<'_>, fill: &Fill) -> bool {
    let Some(point) = fill.points.last() else { return false };
    let spent = fill.before_bytes.saturating_sub(point.available_bytes);
    lab.extent().max_of(fill.stack).is_some_and(|max| 5 * point.instances >= max) || 5 * spent >= lab.budget
}

fn launches(instances: &[Instance]) -> Vec<Launch> {
    let first = instances.first().map_or(0, |instance| instance.spawn_ns);
    let launch = |instance: &Instance| Launch {
        // Two lanes may take numbers in one order and start in the other.
        at_ns: instance.spawn_ns.saturating_sub(first),
        begin_ns: instance.begin_ns - instance.spawn_ns,
        ready_ns: instance.ready_ns - instance.spawn_ns,
    };
    instances.iter().map(launch).collect()
}

/// Waits until the memory that was given back is there, or for a while, and reads what is available.
fn still() -> u64 {
    let mut last = machine::available();
    for _ in 0..BACK.1 {
        std::thread::sleep(BACK.0);
        let now = machine::available();
        if now.abs_diff(last) < STILL {
            return now;
        }
        last = now;
    }
    last
}
