//! `exec` into what a container need not have, or has more than one of: groups below its own, a limit that is reached, a
//! mount namespace, a PID namespace that others share.

mod common;

use common::bundle::Bundle;
use common::{errors, eventually, folders_named, refusal, skipped, text};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};

fn exec(bundle: &Bundle, options: &[&str], words: &[&str]) -> Output {
    bundle.call(&[&["exec"], options, &[&bundle.id], words].concat())
}

fn running(mut bundle: Bundle) -> Bundle {
    bundle.config["process"]["args"] = json!(["sleep", "1000"]);
    bundle.create();
    bundle.must("start", &[]);
    bundle
}

/// The groups of a process, but for that of version 2 in a hybrid, which the container shares with the runtime.
fn groups(bundle: &Bundle, options: &[&str]) -> Vec<(String, String)> {
    let output = exec(bundle, options, &["cat", "/proc/self/cgroup"]);
    assert_eq!((output.status.code(), &*errors(&output)), (Some(0), ""), "{options:?}");
    let text = text(&output);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.splitn(3, ':').collect()).collect();
    let hybrid = lines.len() > 1;
    let own = lines.iter().filter(|words| !hybrid || !words[1].is_empty());
    own.map(|words| (words[1].to_owned(), words[2].to_owned())).collect()
}

/// runc: "If the specified cgroup does not exist, an error is returned. Default is empty path, which means to use
/// container's top level cgroup."
#[test]
fn it_can_be_in_a_group_below_the_containers() {
    let Some(mut bundle) = Bundle::new("exec_below") else { return };
    let path = format!("isolab-test/{}", bundle.id);
    bundle.config["linux"]["cgroupsPath"] = json!(format!("/{path}"));
    let bundle = running(bundle);
    let folders = folders_named(&path);
    assert!(!folders.is_empty(), "the container has groups");
    for folder in &folders {
        fs::create_dir_all(folder.join("below/it")).unwrap();
        // A new cpuset of version 1 is empty, and takes nobody.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let groups = ["below", "below/it"].map(|group| folder.join(group).join(file));
            for file_below in groups.iter().filter(|file| file.exists()) {
                fs::write(file_below, fs::read(folder.join(file)).unwrap()).unwrap();
            }
        }
    }
    for options in [&[][..], &["--cgroup", ""], &["--cgroup", "/"]] {
        assert!(groups(&bundle, options).iter().all(|(_, path)| path == "/"), "{options:?}");
    }
    for path in ["below", "/below", "below/it"] {
        let expected = format!("/{}", path.trim_start_matches('/'));
        let found = groups(&bundle, &["--cgroup", path]);
        assert!(found.iter().all(|(_, path)| *path == expected), "{path}: {found:?}");
    }
    let one = exec(&bundle, &["--cgroup", "pids:below"], &["true"]);
    if folders.iter().any(|folder| folder.starts_with("/sys/fs/cgroup/pids")) {
        for (controllers, path) in
            groups(&bundle, &["--cgroup", "pids:below", "--cgroup", "cpu,memory:/below/it"])
        {
            let expected = match &*controllers {
                "pids" => "/below",
                "cpu" | "cpu,cpuacct" | "memory" => "/below/it",
                _ => "/",
            };
            assert_eq!(path, expected, "{controllers}");
        }
        assert!(one.status.success(), "{}", errors(&one));
    } else {
        assert!(refusal(&one, 125).contains("controller pids"));
    }
    for (wrong, why) in [
        (&["--cgroup", "none"][..], "none"),
        (&["--cgroup", "none:below"], "controller none"),
        (&["--cgroup", "below", "--cgroup", "below/it"], "CONTROLLER:PATH"),
    ] {
        let line = refusal(&exec(&bundle, wrong, &["true"]), 125);
        assert!(line.contains(why), "{wrong:?}: {line}");
    }
    for wrong in ["../below", "below/../..", "pids:below:it", ":below", "pids,:below"] {
        let output = exec(&bundle, &["--cgroup", wrong], &["true"]);
        assert!(output.status.code() == Some(125) && errors(&output).contains("--cgroup"), "{wrong}");
    }
    bundle.must("delete", &["--force"]);
    assert_eq!(folders_named(&path), Vec::<PathBuf>::new(), "groups below are left");
    for folder in folders {
        let _ = fs::remove_dir(folder.parent().unwrap());
    }
}

/// A container whose first process has moved below, and handed its controllers on, takes nobody in its own group any more
/// (version 2: "no internal process constraint"). runc: "in case the process can't join the top level cgroup, runc exec
/// fallback is to try joining the cgroup of container's init."
#[test]
fn it_follows_a_first_process_that_has_moved_below() {
    let test = "it_follows_a_first_process_that_has_moved_below";
    let Some(mut bundle) = Bundle::new("exec_follows") else { return };
    bundle.config["linux"]["resources"] = json!({ "pids": { "limit": 50 } });
    let bundle = running(bundle);
    let folder =
        folders_named(&bundle.id).into_iter().find(|folder| folder.join("cgroup.subtree_control").exists());
    let Some(folder) = folder else {
        return skipped(test, "the controllers are those of version 1 here; use a host with version 2 only");
    };
    let below = folder.join("below");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("cgroup.procs"), bundle.pid().to_string()).unwrap();
    fs::write(folder.join("cgroup.subtree_control"), "+pids").unwrap();
    assert_eq!(groups(&bundle, &[])[0].1, "/below");
    let output = exec(&bundle, &["--cgroup", "/"], &["true"]);
    assert!(!output.status.success(), "the group takes processes although it hands controllers on");
}

#[test]
fn it_is_refused_by_a_limit_that_is_reached() {
    let Some(mut bundle) = Bundle::new("exec_limit") else { return };
    bundle.config["linux"]["resources"] = json!({ "pids": { "limit": 2 } });
    let created = bundle.create_with(&[]);
    if errors(&created).contains("pids") {
        return skipped("it_is_refused_by_a_limit_that_is_reached", &errors(&created));
    }
    bundle.must("delete", &["--force"]);
    let bundle = running(bundle);
    let detached = || {
        let mut command = bundle.runtime(&["exec", "--detach", &bundle.id, "sleep", "1000"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
    };
    assert!(detached().success(), "there is room for one more");
    let line = refusal(&exec(&bundle, &[], &["true"]), 125);
    assert!(line.contains("temporarily unavailable"), "{line}");
    // Without the second there is room again.
    let second = bundle.must("ps", &["--format", "json"]);
    let pids: Vec<i32> = serde_json::from_str(&second).unwrap();
    let other = pids.into_iter().find(|&pid| pid as u64 != bundle.pid()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(other), nix::sys::signal::Signal::SIGKILL).unwrap();
    eventually("there is room", || exec(&bundle, &[], &["true"]).status.success());
}

/// The root is that of the first process: without a mount namespace nothing else says where it is.
#[test]
fn it_enters_a_container_without_mounts_of_its_own() {
    let Some(mut bundle) = Bundle::new("exec_no_mounts") else { return };
    // What else is mounted would be among the host's.
    bundle.config["mounts"] = json!([{ "destination": "/proc", "type": "proc", "source": "proc" }]);
    for property in ["maskedPaths", "readonlyPaths"] {
        bundle.config["linux"][property] = json!([]);
    }
    let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|each| each["type"] != "mount");
    fs::write(bundle.inside("own"), "its own\n").unwrap();
    let bundle = running(bundle);
    let output = exec(&bundle, &[], &["sh", "-c", "cat /own; pwd; ls -d /proc/1/exe; cat /proc/1/comm"]);
    assert_eq!((&*text(&output), &*errors(&output)), ("its own\n/\n/proc/1/exe\nsleep\n", ""));
    let outside = exec(&bundle, &[], &["ls", bundle.path().to_str().unwrap()]);
    assert!(!outside.status.success(), "the host's files are in view: {}", text(&outside));
    bundle.must("delete", &["--force"]);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(bundle.path().to_str().unwrap()), "a mount is left: {mounts}");
}

/// Until it executes its program it is a copy of the runtime, but does not show the runtime's command line.
#[test]
fn its_command_line_is_not_the_runtimes() {
    let Some(bundle) = Bundle::new("exec_words") else { return };
    let line = |pid: u64| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    bundle.create();
    let shown = line(bundle.pid());
    assert_eq!(shown.trim_end_matches('\0'), "isolab-runtime init", "{shown:?}");
    bundle.must("delete", &["--force"]);
    let bundle = running(bundle);
    let paused = bundle.call(&["pause", &bundle.id]);
    if !paused.status.success() {
        return skipped("its_command_line_is_not_the_runtimes", &errors(&paused));
    }
    let mut runtime = bundle
        .runtime(&["exec", "--ignore-paused", &bundle.id, "echo", "secret"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The go-between that enters the namespaces is one of its children too, and shows no words when it has ended.
    let children = || {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let parent = format!("\nPPid:\t{}\n", runtime.id());
        let read = |entry: &fs::DirEntry, file| fs::read_to_string(entry.path().join(file)).ok();
        all.filter(|entry| read(entry, "status").is_some_and(|text| text.contains(&parent)))
            .filter_map(|entry| read(&entry, "cmdline").filter(|words| !words.is_empty()))
            .collect::<Vec<_>>()
    };
    // While it is made its parent shows the same.
    eventually("it is there, and the runtime shows its own words", || {
        !children().is_empty() && line(runtime.id().into()).contains("secret")
    });
    let shown = children().remove(0);
    bundle.must("resume", &[]);
    assert!(runtime.wait().unwrap().success());
    assert_eq!(shown.trim_end_matches('\0'), "isolab-runtime init", "{shown:?}");
}
