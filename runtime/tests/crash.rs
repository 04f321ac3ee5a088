//! The runtime dies, at any instant, and `delete --force` clears the rest; or is asked to end, and clears it itself.

mod common;

use common::bundle::Bundle;
use common::machine::Machine;
use common::steps::{count, signalled, spread};
use common::{can_limit, errors, eventually};
use isolab_runtime::seccomp::default_profile;
use nix::sys::signal::Signal;
use serde_json::json;
use std::fs;
use std::process::Command;

/// A machine with a bundle that asks for something of everything: hooks, limits, a filter.
fn rich(test: &str, script: &str) -> Option<Machine> {
    Machine::with(|| rich_bundle(test, script))
}

fn rich_bundle(test: &str, script: &str) -> Option<Bundle> {
    let mut bundle = Bundle::script(test, script)?;
    let hook = json!([{ "path": "/bin/busybox", "args": ["busybox", "true"] }]);
    bundle.config["hooks"] = json!({
        "createRuntime": hook, "createContainer": hook, "startContainer": hook,
        "poststart": hook, "poststop": hook
    });
    if can_limit(test) {
        bundle.config["linux"]["resources"]["memory"] = json!({ "limit": 64 << 20 });
        bundle.config["linux"]["resources"]["pids"] = json!({ "limit": 32 });
    }
    bundle.config["linux"]["seccomp"] = serde_json::to_value(default_profile()).unwrap();
    Some(bundle)
}

const STAYS: &str = "while :; do sleep 1; done";

fn command(bundle: &Bundle, words: &[&str]) -> Command {
    bundle.write();
    let mut command = bundle.runtime(words);
    command.current_dir(bundle.path());
    command
}

fn start(bundle: &Bundle) {
    bundle.create();
    bundle.must("start", &[]);
}

fn create(bundle: &Bundle) -> Command {
    command(bundle, &["create", "--pid-file", "pid", &bundle.id])
}

fn run(bundle: &Bundle) -> Command {
    command(bundle, &["run", "--pid-file", "pid", &bundle.id])
}

fn exec(bundle: &Bundle) -> Command {
    command(bundle, &["exec", "--pid-file", "pid", &bundle.id, "true"])
}

/// Deletes what there is of a container, which is never an error, and its caller's file.
fn clear(machine: &Machine, after: &str) {
    let bundle = &machine.bundle;
    let output = machine.run(bundle.runtime(&["delete", "--force", &bundle.id]));
    assert!(output.status.success() && errors(&output).is_empty(), "{after}: {}", errors(&output));
    let _ = fs::remove_file(bundle.beside("pid"));
}

/// Kills `command` at many of its steps, each time on a machine as `prepare` makes it.
fn killed_at_every_step(machine: &Machine, prepare: impl Fn(&Bundle), command: impl Fn(&Bundle) -> Command) {
    let bundle = &machine.bundle;
    prepare(bundle);
    let calls = count(command(bundle));
    clear(machine, "an undisturbed one");
    machine.must_be_as_before("an undisturbed one");
    for step in spread(calls) {
        prepare(bundle);
        let traced = signalled(command(bundle), step, Signal::SIGKILL);
        let after = format!("the death at call {step} of {calls}, {}", traced.at);
        // In the last ones it may have made fewer calls this time.
        assert!(traced.status == 137 || traced.calls < step, "{after}: {traced:?}");
        clear(machine, &after);
        machine.must_be_as_before(&after);
    }
}

#[test]
fn a_death_in_create_is_cleared() {
    let Some(machine) = rich("a_death_in_create_is_cleared", STAYS) else { return };
    killed_at_every_step(&machine, |_| {}, create);
}

#[test]
fn a_death_in_start_is_cleared() {
    let Some(machine) = rich("a_death_in_start_is_cleared", STAYS) else { return };
    killed_at_every_step(&machine, Bundle::create, |bundle| command(bundle, &["start", &bundle.id]));
}

#[test]
fn a_death_in_run_is_cleared() {
    let Some(machine) = rich("a_death_in_run_is_cleared", "sleep 0.01; true") else { return };
    killed_at_every_step(&machine, |_| {}, run);
}

#[test]
fn a_death_in_exec_is_cleared() {
    let Some(machine) = rich("a_death_in_exec_is_cleared", STAYS) else { return };
    killed_at_every_step(&machine, start, exec);
}

#[test]
fn a_death_in_delete_is_cleared() {
    let Some(machine) = rich("a_death_in_delete_is_cleared", STAYS) else { return };
    killed_at_every_step(&machine, start, |bundle| command(bundle, &["delete", "--force", &bundle.id]));
}

#[test]
fn a_death_in_exec_leaves_the_container_alone() {
    let Some(machine) = rich("a_death_in_exec_leaves_the_container_alone", "exec sleep 1000") else { return };
    let bundle = &machine.bundle;
    start(bundle);
    eventually("it runs", || machine.processes().values().any(|line| line.contains("(sleep)")));
    let calls = count(exec(bundle));
    for step in spread(calls) {
        let traced = signalled(exec(bundle), step, Signal::SIGKILL);
        let after = format!("call {step} of {calls}, {}", traced.at);
        eventually(&format!("after {after} the container's own process is the only one"), || {
            machine.processes().len() == 1
        });
        assert_eq!(bundle.status(), "running", "{after}");
    }
    clear(&machine, "all");
    machine.must_be_as_before("all");
}

/// Signals `command` at many of its steps. It succeeds, and `whole` looks at what it made; or it says that it
/// failed, and has left nothing.
fn asked_to_end_at_every_step(machine: &Machine, command: impl Fn(&Bundle) -> Command, whole: impl Fn(&str)) {
    let bundle = &machine.bundle;
    let calls = count(command(bundle));
    clear(machine, "an undisturbed one");
    for (step, signal) in
        spread(calls).zip([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().cycle())
    {
        let traced = signalled(command(bundle), step, signal);
        let after = format!("{signal} at call {step} of {calls}, {}, status {}", traced.at, traced.status);
        if traced.status == 0 {
            whole(&after);
            clear(machine, &after);
        }
        let _ = fs::remove_file(bundle.beside("pid"));
        machine.must_be_as_before(&after);
    }
}

#[test]
fn create_that_is_asked_to_end_leaves_nothing() {
    let Some(machine) = rich("create_that_is_asked_to_end_leaves_nothing", STAYS) else { return };
    asked_to_end_at_every_step(&machine, create, |after| {
        assert_eq!(machine.bundle.status(), "created", "{after}");
    });
}

#[test]
fn run_that_is_asked_to_end_leaves_nothing() {
    let Some(machine) = rich("run_that_is_asked_to_end_leaves_nothing", "sleep 0.01; true") else { return };
    asked_to_end_at_every_step(&machine, run, |_| {});
}

#[test]
fn delete_that_is_asked_to_end_ends_its_work_or_begins_none() {
    let Some(machine) = rich("delete_that_is_asked_to_end_ends_its_work_or_begins_none", STAYS) else {
        return;
    };
    let bundle = &machine.bundle;
    let delete = || command(bundle, &["delete", "--force", &bundle.id]);
    bundle.create();
    let calls = count(delete());
    for step in spread(calls) {
        bundle.create();
        let traced = signalled(delete(), step, Signal::SIGTERM);
        let after = format!("SIGTERM at call {step} of {calls}, {}, status {}", traced.at, traced.status);
        if traced.status != 0 && bundle.call(&["state", &bundle.id]).status.success() {
            assert_eq!(bundle.status(), "created", "{after}");
            bundle.must("delete", &["--force"]);
        }
        machine.must_be_as_before(&after);
    }
}

#[test]
fn exec_that_is_asked_to_end_leaves_no_process() {
    let Some(machine) = rich("exec_that_is_asked_to_end_leaves_no_process", "exec sleep 1000") else {
        return;
    };
    let bundle = &machine.bundle;
    start(bundle);
    eventually("it runs", || machine.processes().values().any(|line| line.contains("(sleep)")));
    let calls = count(exec(bundle));
    for step in spread(calls) {
        let traced = signalled(exec(bundle), step, Signal::SIGTERM);
        eventually(&format!("after {step} of {calls}, {}: one process", traced.at), || {
            machine.processes().len() == 1
        });
        assert_eq!(bundle.status(), "running");
    }
    clear(&machine, "all");
    machine.must_be_as_before("all");
}
