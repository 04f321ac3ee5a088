//! Whether the host has room for a fleet, asked before it is started and while it grows.
//!
//! What one instance needs is found by starting a few ([`Need::of`]): its processes and threads (field 20 of
//! `/proc/PID/stat`) with those of its descendants, their open descriptors (`/proc/PID/fd`), and the fall of
//! `MemAvailable`. The rest is arithmetic.

use super::machine::{self, Limit};
use super::section::Need;
use crate::fleet::{DESCRIPTORS_A_LANE, Fleet};
use isolab_timeline::Stack;
use std::collections::HashSet;
use std::fs;

/// Of every limit so much stays for others: processes, descriptors, namespaces.
const MARGIN: u64 = 200;

/// The host has no room for what was asked.
#[derive(Debug, thiserror::Error)]
pub enum NoRoom {
    /// Some limit is too low.
    #[error("{instances} instances of {stack} need {need} {what}, and {name} leaves {free}; {fix}")]
    Limit {
        /// How many were asked for.
        instances: usize,
        /// Of what.
        stack: Stack,
        /// What they need.
        need: u64,
        /// Of what.
        what: &'static str,
        /// Who sets the limit.
        name: String,
        /// What it leaves.
        free: u64,
        /// What to do about it.
        fix: String,
    },
    /// The budget is larger than the machine.
    #[error(
        "a budget of {budget} MiB and the reserve of {reserve} MiB are more than the {available} MiB that are available; \
         give --budget {fits}m or less"
    )]
    Budget {
        /// What was asked for, in MiB.
        budget: u64,
        /// What is left to others, in MiB.
        reserve: u64,
        /// What is available, in MiB.
        available: u64,
        /// What would fit, in MiB.
        fits: u64,
    },
}

impl Need {
    /// What the instances of a fleet need; `before` is what was available without them.
    pub(super) fn of(fleet: &Fleet, before: u64) -> Need {
        let after = machine::available();
        let mut family: HashSet<i32> =
            fleet.instances().iter().map(|instance| instance.pid.as_raw_nonzero().get()).collect();
        let processes = processes();
        // A child may stand before its parent.
        while processes.iter().any(|process| family.contains(&process.parent) && family.insert(process.pid)) {
        }
        let own = || processes.iter().filter(|process| family.contains(&process.pid));
        let descriptors =
            |pid: i32| fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count) as u64;
        Need {
            instances: fleet.len(),
            tasks: own().map(|process| process.threads).sum(),
            descriptors: own().map(|process| descriptors(process.pid)).sum(),
            fall_bytes: before as i64 - after as i64,
        }
    }

    /// So much of `all` for so many instances.
    fn for_instances(&self, all: u64, instances: usize) -> u64 {
        (all * instances as u64).div_ceil(self.instances.max(1) as u64)
    }

    /// How many instances a fall of so many bytes will hold; `None` where the few that were started did not show.
    pub(super) fn instances_in(&self, bytes: u64) -> Option<usize> {
        let one = self.fall_bytes / self.instances.max(1) as i64;
        (one > 0).then(|| (bytes / one as u64) as usize)
    }
}

struct Process {
    pid: i32,
    parent: i32,
    threads: u64,
}

/// All processes of the machine, as far as the lab sees them.
fn processes() -> Vec<Process> {
    let read = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name, field 2, is in parentheses and may have any letter in it; field 3 is behind the last.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Process { pid, parent: fields.get(1)?.parse().ok()?, threads: fields.get(17)?.parse().ok()? })
    };
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(read).collect()
}

/// Whether the host holds so many instances, `at_once` of them being started.
pub(super) fn check(stack: Stack, need: &Need, instances: usize, at_once: usize) -> Result<(), NoRoom> {
    let refuse = |need: u64, what: &'static str, limit: Limit| {
        let share = limit.free.saturating_sub(MARGIN) * instances as u64 / need.max(1);
        let fix = format!("give --max {share} or less, or raise the limit");
        Err(NoRoom::Limit { instances, stack, need, what, name: limit.name, free: limit.free, fix })
    };
    let tasks = need.for_instances(need.tasks, instances);
    let descriptors = need.for_instances(need.descriptors, instances);
    let containers =
        if matches!(stack, Stack::Container | Stack::ContainerFloor) { instances as u64 } else { 0 };
    let wanted = machine::tasks().into_iter().map(|limit| (tasks, "processes and threads", limit));
    let wanted = wanted.chain(machine::files().map(|limit| (descriptors, "descriptors", limit)));
    let wanted =
        wanted.chain(machine::namespaces().map(|limit| (containers, "namespaces of each kind", limit)));
    for (need, what, limit) in wanted {
        if need > 0 && need + MARGIN > limit.free {
            return refuse(need, what, limit);
        }
    }
    let lanes = (at_once * DESCRIPTORS_A_LANE) as u64;
    match machine::descriptors() {
        Some(limit) if lanes + MARGIN > limit.free => {
            let fix = format!("start fewer at once, or raise it: ulimit -n {}", lanes + 2 * MARGIN);
            Err(NoRoom::Limit {
                instances: at_once,
                stack,
                need: lanes,
                what: "descriptors of the lab to start all at once",
                name: limit.name,
                free: limit.free,
                fix,
            })
        }
        _ => Ok(()),
    }
}

/// The bytes that may be used beside the reserve, where `budget` was asked for and where none was.
pub(super) fn budget(budget: Option<u64>, reserve: u64) -> Result<u64, NoRoom> {
    let available = machine::memory().iter().map(|limit| limit.free).fold(machine::available(), u64::min);
    let fits = available.saturating_sub(reserve);
    match budget {
        Some(budget) if budget > fits => Err(NoRoom::Budget {
            budget: budget >> 20,
            reserve: reserve >> 20,
            available: available >> 20,
            fits: fits >> 20,
        }),
        Some(budget) => Ok(budget),
        None => Ok(fits),
    }
}
