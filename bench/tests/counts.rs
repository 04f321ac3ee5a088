//! The counts of a launch: what is asked for more is counted as so much more.

mod common;

use common::{measured, runs_here};
use isolab::counts::LAUNCHES;
use isolab::counts::section::{Counted, StackCounts};
use isolab_timeline::Stack;

/// The counts of one stack that does this work.
fn counts(stack: Stack, workload: &str) -> StackCounts {
    let words = ["compare", "--parts", "counts", "--stacks", stack.name(), "--workload", workload];
    let mut counts = measured(&words).counts.unwrap();
    assert_eq!(counts.workload.to_string(), workload);
    let counts = counts.stacks.remove(&stack).unwrap();
    assert_eq!((counts.traced.len(), counts.untraced.len()), (LAUNCHES, LAUNCHES), "{:?}", counts.absent);
    counts
}

#[test]
fn a_thousand_system_calls_are_a_thousand_more_inside_of_a_container_too() {
    for stack in [Stack::Process, Stack::Container, Stack::ContainerFloor] {
        if !runs_here(stack, "a_thousand_system_calls_are_a_thousand_more_inside_of_a_container_too") {
            continue;
        }
        let getppid = |workload| {
            let launches = counts(stack, workload).traced.into_iter();
            launches.map(|launch| launch.syscalls.get("getppid").copied().unwrap_or(0)).collect::<Vec<_>>()
        };
        assert_eq!(getppid("noop"), [0; LAUNCHES], "{stack}");
        assert_eq!(getppid("syscall 1000"), [1000; LAUNCHES], "{stack}");
    }
}

#[test]
fn a_container_is_seen_whole() {
    if !runs_here(Stack::Container, "a_container_is_seen_whole") {
        return;
    }
    for launch in counts(Stack::Container, "noop").traced {
        assert!(launch.tasks >= 2, "the runtime and the workload: {}", launch.tasks);
        for call in ["clone3", "pivot_root", "mount", "seccomp", "execve"] {
            assert!(launch.syscalls.contains_key(call), "{call}: {:?}", launch.syscalls);
        }
    }
    // A bare process is its own workload, and has nothing of it.
    for launch in counts(Stack::Process, "noop").traced {
        assert_eq!((launch.tasks, launch.syscalls.get("clone3")), (1, None));
        assert_eq!(launch.syscalls.values().sum::<u64>(), 4, "three marks and an end: {:?}", launch.syscalls);
    }
}

#[test]
fn page_faults_and_switches_are_counted() {
    let more = |workload: &str, of: fn(&isolab_timeline::Outcome) -> u64| {
        let least = |workload| {
            counts(Stack::Process, workload).untraced.iter().map(|one| of(&one.exit)).min().unwrap()
        };
        least(workload) - least("noop")
    };
    let faults = more("fault 5000", |exit| exit.minor_faults);
    // One launch has one more or less than another.
    assert!((4990..5100).contains(&faults), "{faults} faults");
    // Each turn of the other process is a wait of both, on one CPU or on two; who is put aside before it comes to wait,
    // as on a busy machine, was switched as well.
    let switches = more("switch 500", |exit| exit.voluntary_switches + exit.involuntary_switches);
    assert!(switches >= 900, "{switches} switches");
}

#[test]
fn a_thousand_crossings_are_a_thousand_exits_more() {
    const TEST: &str = "a_thousand_crossings_are_a_thousand_exits_more";
    if !runs_here(Stack::Unikernel, TEST) {
        return;
    }
    let [noop, cross] = ["noop", "cross 1000"].map(|workload| counts(Stack::Unikernel, workload));
    let exits = |counts: &StackCounts| -> Vec<u64> {
        counts.untraced.iter().map(|launch| launch.exits.as_ref().unwrap()["io_out"]).collect()
    };
    // Three marks and the end.
    assert_eq!(exits(&noop), [4; LAUNCHES]);
    assert_eq!(exits(&cross), [1004; LAUNCHES]);
    let runs =
        |counts: &StackCounts| counts.traced.iter().map(|launch| launch.ioctls["KVM_RUN"]).min().unwrap();
    assert_eq!(runs(&cross) - runs(&noop), 1000, "each is one KVM_RUN");
    match (&noop.untraced[0].statistics, &cross.untraced[0].statistics) {
        (Some(few), Some(many)) => {
            assert!(many["exits"] >= few["exits"] + 1000, "{few:?} {many:?}");
        }
        _ => assert!(noop.absent[&Counted::Statistics].contains("KVM_GET_STATS_FD"), "{:?}", noop.absent),
    }
}

#[test]
fn what_cannot_be_counted_says_why_and_what_there_is_not_is_absent() {
    const TEST: &str = "what_cannot_be_counted_says_why_and_what_there_is_not_is_absent";
    let process = counts(Stack::Process, "noop");
    assert!(process.absent.is_empty() && process.untraced.iter().all(|launch| launch.exits.is_none()));
    if runs_here(Stack::KvmFloor, TEST) {
        let floor = counts(Stack::KvmFloor, "noop");
        assert!(floor.absent[&Counted::Exits].contains("keeps no count"), "{:?}", floor.absent);
        assert!(floor.traced.iter().all(|launch| launch.ioctls["KVM_RUN"] >= 3));
    }
}

#[test]
fn what_a_guest_asks_of_its_own_kernel_is_nobodys_outside() {
    const TEST: &str = "what_a_guest_asks_of_its_own_kernel_is_nobodys_outside";
    if !runs_here(Stack::Microvm, TEST) {
        return;
    }
    let guest = counts(Stack::Microvm, "syscall 1000");
    assert!(guest.traced.iter().all(|launch| !launch.syscalls.contains_key("getppid")));
    for launch in &guest.untraced {
        let exits = launch.exits.as_ref().unwrap();
        assert!(exits["io_out"] > 0, "{exits:?}");
        let statistics = launch.statistics.as_ref().unwrap();
        assert!(statistics["exits"] >= exits.values().sum(), "KVM answers most itself: {statistics:?}");
    }
}
