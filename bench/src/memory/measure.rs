//! Fleets that grow by batches, and a reading after each batch.
//!
//! The order is what makes the figures right. The first instance is started and left out: it brings into memory what
//! all share. Then come the batches; after each the lab waits for [`SETTLE`], in which the kernel ends
//! its grace periods and frees what starting has left, makes sure that every instance is alive, and reads. Nothing starts or ends while it reads.
//!
//! Huge pages are kept out (`PR_SET_THP_DISABLE`, `prctl(2)`; children inherit it): with them a page that is touched
//! costs 2 MiB or 4 KiB by chance. A second fleet, half as large, shows what they do: of every stack where the host gives
//! them to everybody, and where it gives them to who asks, of those whose VMM does.

use super::lodging::Lodging;
use super::machine::Machine;
use super::processes::{Launched, Processes};
use super::section::{self, Point, Section};
use crate::fleet::{Fleet, FleetError};
use crate::ground::Ground;
use crate::host::transparent_huge_pages;
use crate::interrupt::Interrupt;
use crate::samples::SamplesFile;
use crate::stats::bootstrap;
use crate::{compare, stacks};
use anyhow::Context;
use indicatif::ProgressBar;
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use rustix::thread::disable_transparent_huge_pages;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Readings after the first, where there is time for them.
pub const BATCHES: usize = 10;
/// The fewest that give the slope an interval.
pub const FEWEST_BATCHES: usize = bootstrap::FEWEST - 1;
/// Instances that boot Linux, unless more are asked for: each has tens of MiB, beside which the batches in which the
/// kernel charges are nothing.
pub const LINUX_GUESTS: usize = 20;
/// How long nothing starts before a reading.
pub const SETTLE: Duration = Duration::from_millis(500);
/// How long, at most, the kernel is given to clear away the fleet before.
const CLEARING: Duration = Duration::from_secs(5);
/// Between two looks the kernel's memory changes by less than this when it has cleared up.
const CALM_KIB: u64 = 64;
/// Instances that start at once: that they start fast is nothing to the ledger.
pub(crate) const AT_ONCE: usize = 2;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Instances of each stack, beyond the first.
    pub n: usize,
    /// The same of stacks that boot Linux.
    pub linux_n: usize,
    /// In how many batches they are started.
    pub batches: usize,
    /// The work, which must hold when it is ready; what an idle instance costs is another question than what the work takes.
    pub workload: Workload,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan { n: 100, linux_n: LINUX_GUESTS, batches: BATCHES, workload: Workload(Kind::Wait) }
    }
}

/// Measures and puts it into the record of a run.
pub fn record(
    file: &mut SamplesFile,
    stacks: &[Stack],
    ground: &Ground,
    plan: &compare::Plan,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let bar = compare::progress(plan.progress, plan.memory.steps(stacks), "batches");
    file.memory = Some(measure(stacks, ground, plan, &bar, interrupt)?);
    bar.finish_and_clear();
    if interrupt.came() {
        file.partial = Some("it was interrupted while its memory was measured".into());
    }
    Ok(())
}

impl Plan {
    /// How many instances of a stack are started beyond the first.
    pub(crate) fn instances(&self, stack: Stack) -> usize {
        if stack.boots_linux() { self.linux_n } else { self.n }
    }

    /// How many of them when huge pages are let in.
    fn with_huge_pages(&self, stack: Stack) -> usize {
        self.instances(stack).div_ceil(2)
    }

    /// How many batches all fleets have together.
    fn steps(&self, stacks: &[Stack]) -> usize {
        let of = |instances| 1 + batches(instances, self.batches).count();
        let thp = transparent_huge_pages();
        let first = stacks.iter().map(|&stack| of(self.instances(stack)));
        let second = stacks.iter().filter(|&&stack| has_huge_pages(stack, &thp));
        first.chain(second.map(|&stack| of(self.with_huge_pages(stack)))).sum()
    }
}

/// Whether a stack has huge pages when they are let in, by the host's setting: on request only our VMM has, which asks
/// for them then (`madvise(2)`).
fn has_huge_pages(stack: Stack, thp: &str) -> bool {
    match thp {
        "always" => true,
        "madvise" => matches!(stack, Stack::Unikernel | Stack::Microvm | Stack::Nested),
        _ => false,
    }
}

/// Grows a fleet of each stack, one after the other, on this ground.
pub fn measure(
    stacks: &[Stack],
    ground: &Ground,
    plan: &compare::Plan,
    bar: &ProgressBar,
    interrupt: &Interrupt,
) -> anyhow::Result<Section> {
    let lodging = Lodging::enter(None);
    let mut section = Section {
        workload: plan.memory.workload,
        memory_mib: ground.memory_mib,
        settle_ms: SETTLE.as_millis() as u64,
        uncharged: lodging.as_ref().err().cloned(),
        thp: transparent_huge_pages(),
        fleets: Vec::new(),
    };
    let run =
        Run { ground, plan: &plan.memory, limit: plan.limit, lodging: lodging.as_ref().ok(), bar, interrupt };
    let mut one = |stack, huge_pages: bool, n| -> anyhow::Result<()> {
        if !interrupt.came() {
            disable_transparent_huge_pages(!huge_pages).context("keeping huge pages out")?;
            ground.huge_pages.set(huge_pages);
            section.fleets.push(run.fleet(stack, huge_pages, n)?);
        }
        Ok(())
    };
    let ledgers = stacks.iter().try_for_each(|&stack| one(stack, false, plan.memory.instances(stack)));
    let second = ledgers.and_then(|()| {
        let thp = transparent_huge_pages();
        let mut stacks = stacks.iter().filter(|&&stack| has_huge_pages(stack, &thp));
        stacks.try_for_each(|&stack| one(stack, true, plan.memory.with_huge_pages(stack)))
    });
    // As it was, whatever happened.
    ground.huge_pages.set(false);
    disable_transparent_huge_pages(false).context("letting huge pages in again")?;
    second.map(|()| section)
}

/// The sizes of the batches: as equal as can be.
pub(crate) fn batches(n: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = n.min(most);
    (0..count).map(move |batch| n * (batch + 1) / count - n * batch / count)
}

struct Run<'a> {
    ground: &'a Ground,
    plan: &'a Plan,
    /// A launch that is not ready, or does not end, within this is killed.
    limit: Duration,
    lodging: Option<&'a Lodging>,
    bar: &'a ProgressBar,
    interrupt: &'a Interrupt,
}

impl Run<'_> {
    /// Grows one fleet and ends it. What goes wrong in it is in the record; an error is the lab's own.
    fn fleet(&self, stack: Stack, huge_pages: bool, n: usize) -> anyhow::Result<section::Fleet> {
        self.bar.set_message(stack.name());
        clear_up()?;
        let mut record = section::Fleet {
            stack,
            huge_pages,
            asked: n,
            points: Vec::new(),
            stopped: None,
            wrong: Vec::new(),
        };
        let mut fleet = Fleet::new(AT_ONCE, self.limit)?;
        for batch in std::iter::once(1).chain(batches(n, self.plan.batches)) {
            record.stopped = too_little(each(&record.points), batch)?;
            if record.stopped.is_some() {
                break;
            }
            let commands = stacks::commands(stack, self.ground, self.plan.workload, batch)?;
            let grown = fleet.grow(commands, self.interrupt).and_then(|()| {
                sleep(SETTLE);
                fleet.check()
            });
            match grown {
                Ok(()) => record.points.push(self.read(stack, &fleet)?),
                Err(FleetError::Interrupted) => record.stopped = Some("it was interrupted".into()),
                Err(error) => record.wrong.push(error.to_string()),
            }
            if self.interrupt.came() {
                record.stopped.get_or_insert_with(|| "it was interrupted".into());
            }
            if record.stopped.is_some() || !record.wrong.is_empty() {
                break;
            }
            self.bar.inc(1);
        }
        let ended = fleet.end();
        split_guests(&mut record.points, &ended.guest_programs_kib);
        record.wrong.extend(ended.wrong.iter().map(ToString::to_string));
        Ok(record)
    }

    fn read(&self, stack: Stack, fleet: &Fleet) -> anyhow::Result<Point> {
        let instances = fleet.instances();
        let pids: Vec<i32> = instances.iter().map(|each| each.pid.as_raw_nonzero().get()).collect();
        // The machine first: to look at the processes takes memory as well.
        let machine = Machine::read()?;
        let charged = self.lodging.map(|lodging| lodging.accounts().read()).transpose()?;
        let processes = Processes::read(&pids, Launched::of(stack, self.ground.memory_mib))?;
        Ok(Point { instances: instances.len() - 1, machine, charged, processes })
    }
}

/// Notes what the guests have told at their end, which was so at each reading: they did nothing since they were ready.
fn split_guests(points: &mut [Point], told: &[u64]) {
    for point in points {
        let all = told.iter().sum::<u64>() * (point.instances as u64 + 1);
        point.processes.guest_programs_kib = all.checked_div(told.len() as u64);
    }
}

/// What an instance of the last batch took, in KiB; nothing where there was none.
fn each(points: &[Point]) -> u64 {
    match points {
        [.., before, last] => {
            let fell = before.machine.available_kib.saturating_sub(last.machine.available_kib);
            fell / (last.instances - before.instances) as u64
        }
        _ => 0,
    }
}

/// Why one more batch could harm the machine, if so, where an instance takes `each` KiB.
pub(crate) fn too_little(each: u64, batch: usize) -> anyhow::Result<Option<String>> {
    let now = Machine::read()?;
    let reserve = now.reserve_kib();
    let left = now.available_kib.saturating_sub(each * batch as u64);
    Ok((left < reserve).then(|| {
        format!(
            "{batch} more would leave {} MiB of memory available; {} MiB are kept in reserve",
            left >> 10,
            reserve >> 10
        )
    }))
}

/// Waits until the kernel has cleared away what was before, network namespaces above all, which takes it a while.
pub(crate) fn clear_up() -> anyhow::Result<()> {
    let kernel = || -> anyhow::Result<u64> {
        let now = Machine::read()?;
        Ok(now.slab_unreclaimable_kib + now.percpu_kib + now.kernel_stack_kib + now.vmalloc_kib)
    };
    let deadline = Instant::now() + CLEARING;
    let mut before = kernel()?;
    while Instant::now() < deadline {
        sleep(SETTLE / 2);
        let now = kernel()?;
        if now.abs_diff(before) <= CALM_KIB {
            break;
        }
        before = now;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_guests_tell_is_noted_for_as_many_as_there_were() {
        let mut points: Vec<Point> = crate::memory::ledger::example::section().fleets.remove(1).points;
        split_guests(&mut points, &[]);
        assert!(points.iter().all(|point| point.processes.guest_programs_kib.is_none()));
        split_guests(&mut points, &[10, 20]);
        let all = |point: &Point| 15 * (point.instances as u64 + 1);
        assert!(points.iter().all(|point| point.processes.guest_programs_kib == Some(all(point))));
    }

    #[test]
    fn huge_pages_are_had_by_all_by_who_asks_or_by_nobody() {
        let all = |thp| Stack::ALL.into_iter().filter(|&stack| has_huge_pages(stack, thp)).count();
        assert_eq!((all("always"), all("madvise"), all("never")), (Stack::ALL.len(), 3, 0));
    }

    #[test]
    fn batches_are_as_equal_as_can_be_and_add_up() {
        assert_eq!(batches(100, 10).collect::<Vec<_>>(), [10; 10]);
        assert_eq!(batches(4, 10).collect::<Vec<_>>(), [1; 4]);
        for n in 1..250 {
            let sizes: Vec<_> = batches(n, 10).collect();
            assert_eq!(sizes.iter().sum::<usize>(), n);
            assert!(sizes.iter().all(|&size| size.abs_diff(sizes[0]) <= 1 && size > 0), "{sizes:?}");
        }
    }
}
