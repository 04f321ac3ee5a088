//! Limits: that they hold, and that they are refused where they cannot.

mod common;

use common::{Root, can_limit};
use std::fs;
use std::path::PathBuf;

#[test]
fn a_memory_limit_kills_the_container_only() {
    let test = "a_memory_limit_kills_the_container_only";
    let Some(root) = Root::for_anyone(test) else { return };
    if !can_limit(test) {
        return;
    }
    // What is written to the root is memory, and it is the container's.
    let fill = ["dd", "if=/dev/zero", "of=/file", "bs=1M", "count=64"];
    assert_eq!(root.run(&["--memory", "16m"], &fill).status.code(), Some(137));
    assert_eq!(root.run(&["--memory", "128m"], &fill).status.code(), Some(0));
    assert_eq!(root.run(&[], &fill).status.code(), Some(0));
}

#[test]
fn a_limit_on_processes_refuses_the_next() {
    let test = "a_limit_on_processes_refuses_the_next";
    let Some(root) = Root::for_anyone(test) else { return };
    if !can_limit(test) {
        return;
    }
    let script = ["sh", "-c", "for n in 1 2 3 4 5 6; do sleep 1 & done; echo all"];
    let output = root.run(&["--pids", "4"], &script);
    assert!(common::errors(&output).contains("can't fork"), "{}", common::errors(&output));
    assert_eq!(common::text(&output), "");
    assert_eq!(common::text(&root.run(&["--pids", "16"], &script)), "all\n");
    // The command itself is one of them.
    assert_eq!(root.run(&["--pids", "1"], &["true"]).status.code(), Some(0));
}

/// The periods of CPU time in which the groups `folders` ran, and those in which they had to wait.
fn periods(folders: &[PathBuf]) -> (u64, u64) {
    let text = folders.iter().find_map(|group| fs::read_to_string(group.join("cpu.stat")).ok());
    let text = text.expect("statistics of the group");
    let count = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|count| count.trim().parse().ok()).expect("a count of periods")
    };
    (count("nr_periods "), count("nr_throttled "))
}

#[test]
fn a_busy_loop_is_held_back_at_its_cpu_limit_only() {
    let test = "a_busy_loop_is_held_back_at_its_cpu_limit_only";
    let Some(root) = Root::for_anyone(test) else { return };
    if !can_limit(test) {
        return;
    }
    // A hundredth is less than what a loop gets on the busiest machine.
    for (cpus, is_held_back) in [("0.01", true), ("64", false)] {
        let (mut child, _output) = root.start(&["--cpus", cpus], "echo ready; while :; do :; done");
        let folders = common::groups_of(child.id());
        common::eventually("some periods have passed", || periods(&folders).0 > 3);
        let (ran, waited) = periods(&folders);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(waited > 0, is_held_back, "{cpus} CPUs: {waited} of {ran} periods");
    }
}

#[test]
fn the_limits_are_in_force_when_the_command_starts() {
    let test = "the_limits_are_in_force_when_the_command_starts";
    let Some(root) = Root::for_anyone(test) else { return };
    if !can_limit(test) {
        return;
    }
    let (mut child, output) = root
        .start(&["--memory", "64m", "--cpus", "0.5", "--pids", "9", "--init"], "echo ready; exec sleep 100");
    let folders = common::groups_of(child.id());
    let read = |name: &str| {
        let value = folders.iter().find_map(|group| fs::read_to_string(group.join(name)).ok());
        value.map(|value| value.trim().to_owned())
    };
    let memory = read("memory.max").or_else(|| read("memory.limit_in_bytes"));
    assert_eq!(memory.as_deref(), Some("67108864"));
    assert_eq!(read("pids.max").as_deref(), Some("9"));
    let quota = read("cpu.max").or_else(|| read("cpu.cfs_quota_us"));
    assert!(quota.as_deref().is_some_and(|text| text.starts_with("50000")), "{quota:?}");
    for group in &folders {
        let members = fs::read_to_string(group.join("cgroup.procs")).unwrap();
        assert_eq!(members.lines().count(), 2, "the init and the command: {members}");
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    drop(output);
    assert!(common::groups_of(child.id()).is_empty());
}
