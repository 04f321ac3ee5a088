//! Counts: what one launch of each stack asks of the kernel and of KVM.
//!
//! A time says how long a machine took, today; a count says what it was asked to do, and is the same on a busy machine
//! as on an idle one. Some are exact, launch after launch; others vary by a few (a page fault more or less, another
//! process's turn), so each stack is launched [`LAUNCHES`] times in each way, and every launch is kept.
//!
//! 1. [`trace`]: system calls and ioctls by name (`ioctls.rs`), of a launch under a tracer.
//! 2. Page faults and context switches, of a launch without one: `wait4(2)` tells them ([`crate::instance`]).
//! 3. Exits from a guest, of the same launch: those that reach our VMM it counts by reason, and those that KVM answers
//!    itself KVM counts by kind ([`isolab_microvm::tally`]).
//! 4. [`section`]: how `samples.json` holds them.

mod ioctls;
pub mod section;
#[allow(unsafe_code)]
pub mod trace;

use crate::ground::Ground;
use crate::instance::{Launched, Launcher};
use crate::interrupt::Interrupt;
use crate::{sandbox, stacks};
use isolab_timeline::{Peer, Stack, Workload};
use section::{Counted, Counts, StackCounts, Untraced};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::Command;

/// How often each stack is launched under the tracer, and how often without it.
pub const LAUNCHES: usize = 3;

/// How many launches [`take`] makes.
pub fn launches(stacks: &[Stack]) -> usize {
    stacks.len() * LAUNCHES * 2
}

/// Counts `workload` in each of `stacks`, which were tried and work. Stops when interrupted; then what was counted is
/// returned.
pub fn take(
    stacks: &[Stack],
    workload: Workload,
    ground: &Ground,
    launcher: &Launcher,
    interrupt: &Interrupt,
    mut done: impl FnMut(Stack),
) -> Counts {
    let mut counts = Counts { workload, stacks: BTreeMap::new() };
    for &stack in stacks {
        let mut found = StackCounts::default();
        for _ in 0..LAUNCHES {
            for way in [traced, untraced] {
                done(stack);
                way(&mut found, stack, workload, ground, launcher);
                // The launch that the signal hit was not counted; all before it were.
                if interrupt.came() {
                    return counts;
                }
            }
        }
        counts.stacks.insert(stack, found);
    }
    counts
}

fn traced(to: &mut StackCounts, stack: Stack, workload: Workload, ground: &Ground, launcher: &Launcher) {
    if stack == Stack::Peer(Peer::Docker) {
        to.absent.insert(Counted::Syscalls, "its daemon does the work, and is no child of the launch".into());
    }
    if to.absent.contains_key(&Counted::Syscalls) {
        // What failed once, perhaps at its time limit, is not tried again.
        return;
    }
    let Ok(command) = stacks::of(stack).command(ground, workload) else { return };
    match trace::count(command, launcher.limit, &|status| stacks::of(stack).status(status)) {
        Ok(counts) => to.traced.push(counts),
        Err(error) => {
            to.absent.insert(Counted::Syscalls, error.to_string());
        }
    }
}

fn untraced(to: &mut StackCounts, stack: Stack, workload: Workload, ground: &Ground, launcher: &Launcher) {
    let Ok(command) = stacks::of(stack).command(ground, workload) else { return };
    let mut absent = |what, why: &str| {
        to.absent.insert(what, why.to_owned());
    };
    let launch = sandbox::launch(stacks::of(stack), with_statistics(stack, command), ground, launcher);
    let Launched { outcome, exits, statistics, .. } = match launch {
        Ok(Launched { invalid: Some(why), .. }) => return absent(Counted::Usage, &why),
        Err(error) => return absent(Counted::Usage, &error.to_string()),
        Ok(whole) => whole,
    };
    if stack.runs_a_guest() && exits.is_none() {
        let why = "its VMM keeps no count; each of its ioctls KVM_RUN is one exit that reaches it";
        absent(Counted::Exits, why);
        absent(Counted::Statistics, "its VMM does not ask KVM for them");
    } else if stack.runs_a_guest() && statistics.is_none() {
        absent(Counted::Statistics, "this host's KVM has no KVM_GET_STATS_FD (Linux 5.14)");
    }
    to.untraced.push(Untraced { exit: outcome, exits, statistics });
}

/// Has our VMM ask KVM for its counts: an option behind its first word. No timed launch does.
fn with_statistics(stack: Stack, command: Command) -> Command {
    if !matches!(stack, Stack::Unikernel | Stack::Microvm | Stack::Nested) {
        return command;
    }
    let mut words: Vec<&OsStr> = command.get_args().collect();
    words.insert(1, OsStr::new("--statistics"));
    let mut asking = crate::sandbox::bare(command.get_program().as_ref());
    asking.args(words);
    asking
}
