//! Instances here are shells that misbehave in one way each; those that behave are in `tests/density.rs`.

use super::*;
use std::path::Path;

/// Begins, is ready, waits for the end of its input and says `end`.
const GOOD: &str = r"printf '\002\006'; cat >/dev/null; printf '\004'";

fn shells(scripts: &[&str]) -> Vec<Command> {
    let shell = |script: &&str| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    };
    scripts.iter().map(shell).collect()
}

fn fleet(at_once: usize, limit_ms: u64) -> Fleet {
    Fleet::new(at_once, Duration::from_millis(limit_ms)).unwrap()
}

fn grow(fleet: &mut Fleet, scripts: &[&str]) -> Result<(), FleetError> {
    fleet.grow(shells(scripts), &Interrupt::never())
}

fn is_there(pid: i32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

#[test]
fn all_are_started_held_and_ended_and_none_is_left() {
    let mut fleet = fleet(3, 60_000);
    grow(&mut fleet, &[GOOD; 10]).unwrap();
    grow(&mut fleet, &[GOOD; 2]).unwrap();
    assert_eq!(fleet.len(), 12);
    fleet.check().unwrap();
    let instances = fleet.instances();
    for (number, instance) in instances.iter().enumerate() {
        assert_eq!(instance.number, number);
        assert!(instance.spawn_ns < instance.begin_ns && instance.begin_ns <= instance.ready_ns);
        assert!(is_there(instance.pid.as_raw_nonzero().get()));
    }
    let ended = fleet.end();
    assert!(ended.instances == 12 && ended.wrong.is_empty(), "{ended:?}");
    assert!(instances.iter().all(|instance| !is_there(instance.pid.as_raw_nonzero().get())));
}

#[test]
fn a_dropped_fleet_leaves_no_process() {
    let mut fleet = fleet(2, 60_000);
    grow(&mut fleet, &[GOOD; 4]).unwrap();
    let instances = fleet.instances();
    drop(fleet);
    assert!(instances.iter().all(|instance| !is_there(instance.pid.as_raw_nonzero().get())));
}

#[test]
fn one_that_fails_to_start_is_named_with_its_complaint_and_the_others_are_kept() {
    let mut fleet = fleet(1, 60_000);
    let error = grow(&mut fleet, &[GOOD, GOOD, "echo out of paper >&2; exit 3", GOOD]).unwrap_err();
    assert!(matches!(error, FleetError::EndedEarly { number: 2, status: 3, .. }), "{error:?}");
    assert!(error.to_string().ends_with("with status 3: out of paper"), "{error}");
    assert_eq!(fleet.len(), 2);
    let error = fleet.grow(vec![Command::new("/nowhere")], &Interrupt::never()).unwrap_err();
    assert!(matches!(error, FleetError::Spawn { number: 2, .. }), "{error:?}");
    assert!(fleet.end().wrong.is_empty());
}

#[test]
fn one_that_never_begins_is_killed_at_the_limit_and_named() {
    let mut fleet = fleet(1, 300);
    let error = grow(&mut fleet, &["exec sleep 600"]).unwrap_err();
    let FleetError::NeverReady { number: 0, pid, .. } = error else { panic!("{error:?}") };
    assert!(!is_there(pid) && fleet.is_empty());
}

#[test]
fn one_that_ends_early_is_seen_while_the_others_hold_and_again_at_the_end() {
    let mut fleet = fleet(1, 60_000);
    grow(&mut fleet, &[GOOD, r"printf '\002\006'; read line; exit 9", GOOD]).unwrap();
    fleet.check().unwrap();
    let dying = fleet.instances()[1].pid;
    rustix::process::kill_process(dying, rustix::process::Signal::KILL).unwrap();
    while fleet.check().is_ok() {
        thread::yield_now();
    }
    let error = fleet.check().unwrap_err();
    assert!(matches!(error, FleetError::EndedEarly { number: 1, status: 137, .. }), "{error:?}");
    let wrong = fleet.end().wrong;
    assert!(matches!(wrong[..], [FleetError::EndedEarly { number: 1, status: 137, .. }]), "{wrong:?}");
}

#[test]
fn one_that_fails_when_asked_and_one_that_does_not_say_end_are_told_apart() {
    let mut first = fleet(1, 60_000);
    grow(&mut first, &[GOOD, r"printf '\002\006'; cat >/dev/null; printf '\004'; exit 5"]).unwrap();
    let wrong = first.end().wrong;
    assert!(matches!(wrong[..], [FleetError::Failed { number: 1, status: 5, .. }]), "{wrong:?}");
    let mut second = fleet(1, 60_000);
    grow(&mut second, &[GOOD, r"printf '\002\006'; cat >/dev/null", GOOD]).unwrap();
    let wrong = second.end().wrong;
    assert!(matches!(wrong[..], [FleetError::Silent { instances: 3, ends: 2 }]), "{wrong:?}");
}

#[test]
fn one_that_does_not_end_is_killed_and_what_one_leaves_behind_is_noticed() {
    let mut first = fleet(1, 300);
    grow(&mut first, &[GOOD, r"printf '\002\006'; exec sleep 600"]).unwrap();
    let wrong = first.end().wrong;
    assert!(matches!(wrong[..], [FleetError::NeverEnded { number: 1, .. }]), "{wrong:?}");
    let mut second = fleet(1, 300);
    grow(&mut second, &[r"sleep 2 & printf '\002\006'; cat >/dev/null; printf '\004'"]).unwrap();
    let wrong = second.end().wrong;
    assert!(matches!(wrong[..], [FleetError::Leak { first: 0, last: 0 }]), "{wrong:?}");
}

#[test]
fn an_interrupted_fleet_starts_no_more() {
    let asked = Interrupt::listen().unwrap();
    // It interrupts the lab, which here is this test.
    let script = format!("kill -INT {}; exec sleep 600", std::process::id());
    let mut fleet = fleet(1, 60_000);
    let error = grow_with(&mut fleet, &[GOOD, &script, GOOD], &asked).unwrap_err();
    assert!(matches!(error, FleetError::Interrupted), "{error:?}");
    assert_eq!(fleet.len(), 1);
    assert!(fleet.end().wrong.is_empty());
}

fn grow_with(fleet: &mut Fleet, scripts: &[&str], interrupt: &Interrupt) -> Result<(), FleetError> {
    fleet.grow(shells(scripts), interrupt)
}
