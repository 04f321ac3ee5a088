//! What is left behind: nothing, after any end that the runtime lives to see; and after SIGKILL only
//! folders, which a sweep removes.

mod common;

use common::{Root, can_limit, eventually, groups_of, processes};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

/// A sweep sees the groups of every test, so one test runs at a time.
static ONE: Mutex<()> = Mutex::new(());
const LIMITS: [&str; 6] = ["--memory", "64m", "--cpus", "1", "--pids", "32"];

fn clean(arguments: &[&str]) -> Output {
    Command::new(common::RUNTIME).arg("clean").args(arguments).output().unwrap()
}

fn mounts_of(root: &Root) -> bool {
    let path = root.path();
    fs::read_to_string("/proc/self/mountinfo").unwrap().contains(path.to_str().unwrap())
}

#[test]
fn an_end_leaves_nothing_behind() {
    let test = "an_end_leaves_nothing_behind";
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(root) = Root::new(test) else { return };
    let limits: &[&str] = if can_limit(test) { &LIMITS } else { &[] };
    let commands: [&[&str]; 4] =
        [&["true"], &["sh", "-c", "kill -KILL $$"], &["no-such"], &["sh", "-c", "sleep 77 &"]];
    for words in commands {
        let mut child = root.command(limits, words).stderr(std::process::Stdio::null()).spawn().unwrap();
        child.wait().unwrap();
        assert!(groups_of(child.id()).is_empty(), "{words:?}: {:?}", groups_of(child.id()));
        assert!(processes(root.path().to_str().unwrap()).is_empty(), "{words:?}");
        assert!(!mounts_of(&root), "{words:?}");
    }
    // A failure before there is a command, and one before there is a process.
    for options in [&["--workdir", "/bin/sh"], &["--volume", "/no-such-source:/volume"]] {
        let options = [limits, options].concat();
        let mut child =
            root.command(&options, &["true"]).stderr(std::process::Stdio::null()).spawn().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(125));
        assert!(groups_of(child.id()).is_empty(), "{options:?}");
    }
}

#[test]
fn a_killed_runtime_leaves_no_process_and_no_mount() {
    let test = "a_killed_runtime_leaves_no_process_and_no_mount";
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(root) = Root::new(test) else { return };
    let limits: &[&str] = if can_limit(test) { &LIMITS } else { &[] };
    let marker = format!("8{:09}", std::process::id());
    let mut pids = Vec::new();
    // From before its first instruction until well after the command has started.
    for microseconds in (0..6_000).step_by(if common::full_tier() { 30 } else { 150 }) {
        let mut child = root.command(limits, &["sleep", &marker]).spawn().unwrap();
        sleep(Duration::from_micros(microseconds));
        kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
        child.wait().unwrap();
        pids.push(child.id());
    }
    let (mut child, output) = root.start(limits, &format!("echo ready; exec sleep {marker}"));
    assert!(!processes(&marker).is_empty(), "the search finds a running one");
    child.kill().unwrap();
    child.wait().unwrap();
    pids.push(child.id());
    drop(output);

    eventually("no process is left", || processes(&marker).is_empty());
    assert!(!mounts_of(&root));
    let left: Vec<PathBuf> = pids.iter().flat_map(|&pid| groups_of(pid)).collect();
    assert_eq!(left.is_empty(), limits.is_empty(), "the last one at least had no time to remove its groups");
    assert_eq!(clean(&[]).status.code(), Some(0));
    let left: Vec<PathBuf> = pids.iter().flat_map(|&pid| groups_of(pid)).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
fn a_sweep_removes_what_the_dead_left_and_nothing_else() {
    let test = "a_sweep_removes_what_the_dead_left_and_nothing_else";
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(root) = Root::new(test) else { return };
    if !can_limit(test) {
        return;
    }
    let options = [&LIMITS[..], &["--init"]].concat();
    let (mut living, _output) = root.start(&options, "echo ready; exec sleep 100");
    let groups = groups_of(living.id());
    let folder = groups[0].parent().unwrap();
    // One that nobody owns any more, with a process in it; one that isolab did not name; and one whose
    // owner's number lives on as another process.
    let dead = folder.join(format!("run-1-{}", std::process::id()));
    let foreign = folder.join(format!("run-of-somebody-{}", std::process::id()));
    let reused = folder.join(format!("run-{}-1", std::process::id()));
    for path in [&dead, &foreign, &reused] {
        fs::create_dir_all(path).unwrap();
    }
    let mut stray = Command::new("sleep").arg("100").spawn().unwrap();
    fs::write(dead.join("cgroup.procs"), stray.id().to_string()).unwrap();

    let output = clean(&["--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    let removed: Vec<&Path> =
        report["removed"].as_array().unwrap().iter().map(|path| Path::new(path.as_str().unwrap())).collect();
    assert!(removed.contains(&&*dead) && removed.contains(&&*reused), "{report}");
    assert!(!dead.exists() && !reused.exists());
    assert!(foreign.exists(), "not isolab's to remove");
    assert!(groups.iter().all(|group| group.exists()), "a living run keeps its groups");
    assert_eq!(stray.wait().unwrap().code(), None, "what was in it has been killed");

    fs::remove_dir(&foreign).unwrap();
    kill_process(Pid::from_child(&living), Signal::TERM).unwrap();
    assert_eq!(living.wait().unwrap().code(), Some(143));
    // Another runtime may use the folder in this very moment; otherwise it goes with its last group.
    let in_use =
        || fs::read_dir(folder).is_ok_and(|mut entries| entries.any(|entry| entry.unwrap().path().is_dir()));
    eventually("isolab's own folder is gone", || {
        clean(&[]).status.success() && (!folder.exists() || in_use())
    });
}
