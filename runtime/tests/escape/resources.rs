//! Taking everything: processes, memory.

use crate::common::{Root, can_limit, errors, eventually, groups_of, processes, start};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;

#[test]
fn a_fork_bomb_stays_within_its_limit_and_ends_with_its_container() {
    let test = "a_fork_bomb_stays_within_its_limit_and_ends_with_its_container";
    let Some(root) = Root::new(test) else { return };
    if !can_limit(test) {
        return;
    }
    let marker = format!("6{:09}", std::process::id());
    // A shell that cannot fork ends; the first process must not.
    let script = format!("bomb() {{ bomb | bomb & }}; echo ready; bomb 2> /dev/null & exec sleep {marker}");
    let mut command = root.command(&["--pids", "20", "--init"], &["sh", "-c", &script]);
    command.stderr(std::process::Stdio::null());
    let (mut child, output) = start(command);
    let find = || groups_of(child.id()).into_iter().find(|folder| folder.join("pids.max").exists());
    // A folder's list can miss one while others come and go in it.
    let folder = (0..100).find_map(|_| find()).expect("the container has a group");
    eventually("the limit is reached", || {
        fs::read_to_string(folder.join("pids.events")).is_ok_and(|text| !text.starts_with("max 0"))
    });
    for _ in 0..50 {
        // The runtime itself has the marker in its command line.
        let count = processes(&marker).len();
        assert!(count <= 22, "{count} processes");
    }
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    drop(output);
    eventually("all of it is gone", || processes(&marker).is_empty());
    let _ = std::process::Command::new(crate::common::RUNTIME).arg("clean").output();
}

#[test]
fn shared_memory_is_small_and_counts_as_the_containers() {
    let test = "shared_memory_is_small_and_counts_as_the_containers";
    let Some(root) = Root::new(test) else { return };
    let fill = ["dd", "if=/dev/zero", "of=/dev/shm/file", "bs=1M", "count=200"];
    let output = root.run(&[], &fill);
    assert!(errors(&output).contains("No space left"), "{}", errors(&output));
    if can_limit(test) {
        assert_eq!(root.run(&["--memory", "32m"], &fill).status.code(), Some(137));
    }
}
