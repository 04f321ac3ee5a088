//! `exec`: one more process, with the same walls.

mod common;

use common::bundle::Bundle;
use common::{RUNTIME, Root, errors, eventually, processes, refusal, skipped, text};
use serde_json::json;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output};

/// A container that runs until it is deleted.
fn running(test: &str) -> Option<Bundle> {
    let mut bundle = Bundle::new(test)?;
    bundle.config["process"]["args"] = json!(["sleep", "1000"]);
    bundle.create();
    bundle.must("start", &[]);
    Some(bundle)
}

fn exec(bundle: &Bundle, options: &[&str], words: &[&str]) -> Output {
    bundle.call(&[&["exec"], options, &[&bundle.id], words].concat())
}

/// What a script prints that must succeed and complain of nothing.
fn says(bundle: &Bundle, options: &[&str], script: &str) -> String {
    let output = exec(bundle, options, &["sh", "-c", script]);
    assert_eq!((output.status.code(), errors(&output).as_str()), (Some(0), ""), "{script}");
    text(&output)
}

fn namespaces(pid: u64) -> Vec<PathBuf> {
    let kinds = ["pid", "mnt", "net", "ipc", "uts", "user", "cgroup"];
    kinds.map(|kind| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap()).to_vec()
}

fn status(pid: u64, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    text.lines().find(|line| line.starts_with(field)).unwrap_or_default().to_owned()
}

#[test]
fn it_has_the_views_the_groups_and_the_walls_of_the_first_process() {
    let Some(mut bundle) = Bundle::new("exec_walls") else { return };
    bundle.config["process"]["args"] = json!(["sleep", "1000"]);
    bundle.config["linux"]["seccomp"] = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95 }],
    });
    bundle.create();
    bundle.must("start", &[]);
    let file = bundle.beside("pid");
    let options = ["--detach", "--pid-file", file.to_str().unwrap()];
    let output = bundle
        .runtime(&[&["exec"], &options[..], &[&bundle.id, "sleep", "999"]].concat())
        .stdout(File::create(bundle.beside("exec-out")).unwrap())
        .stderr(File::create(bundle.beside("exec-err")).unwrap())
        .status()
        .unwrap();
    assert!(output.success(), "{}", fs::read_to_string(bundle.beside("exec-err")).unwrap());
    let (first, second) = (bundle.pid(), fs::read_to_string(&file).unwrap().parse().unwrap());
    eventually("executed", || {
        fs::read_to_string(format!("/proc/{second}/cmdline")).unwrap().starts_with("sleep")
    });
    assert_eq!(namespaces(first), namespaces(second));
    let groups = |pid: u64| fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert_eq!(groups(first), groups(second));
    for field in ["CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp:", "Uid", "Gid"] {
        assert_eq!(status(first, field), status(second, field));
    }
    assert!(status(second, "Seccomp:").ends_with('2'), "{}", status(second, "Seccomp:"));
    let denied = exec(&bundle, &[], &["mkdir", "/x"]);
    assert!(errors(&denied).contains("not supported"), "{}", errors(&denied));
    bundle.must("delete", &["--force"]);
    assert!(!PathBuf::from(format!("/proc/{second}")).exists(), "it outlives its container");
}

#[test]
fn in_a_container_without_a_bundle_it_has_the_default_filter() {
    let Some(root) = Root::new("exec_default_filter") else { return };
    let (mut runtime, _output) = root.start(&[], "echo ready; exec sleep 1000");
    let name = format!("run-{}-", runtime.id());
    let call = |words: &[&str]| Command::new(RUNTIME).args(words).output().unwrap();
    let all = text(&call(&["list", "--quiet"]));
    let id = all.lines().find(|id| id.starts_with(&name)).expect("the container is in the store");
    let status = text(&call(&["exec", id, "grep", "Seccomp:", "/proc/self/status"]));
    assert!(status.trim_end().ends_with('2'), "{status}");
    // Nothing but the filter keeps it from having users of its own.
    let unshare = call(&["exec", id, "/bin/busybox", "unshare", "-U", "true"]);
    assert!(errors(&unshare).contains("not permitted"), "{}", errors(&unshare));
    assert_eq!(errors(&call(&["kill", id, "KILL"])), "");
    assert_eq!(runtime.wait().unwrap().code(), Some(128 + 9));
    assert!(!text(&call(&["list", "--quiet"])).contains(id), "it is still in the store");
}

#[test]
fn it_is_as_the_command_line_says_and_else_as_the_container() {
    let Some(mut bundle) = Bundle::new("exec_options") else { return };
    bundle.config["process"]["args"] = json!(["sleep", "1000"]);
    bundle.config["process"]["env"] = json!(["PATH=/bin", "A=own", "B=own"]);
    bundle.config["process"]["cwd"] = json!("/bin");
    bundle.create();
    bundle.must("start", &[]);
    assert_eq!(says(&bundle, &[], "pwd; echo $A$B; id -u"), "/bin\nownown\n0\n");
    let options = ["--cwd", "/", "--env", "A=new", "-u", "5:6", "-g", "7", "-g", "8"];
    assert_eq!(says(&bundle, &options, "pwd; echo $A$B; id -u; id -g; id -G"), "/\nnewown\n5\n6\n6 7 8\n");
    let effective = |options: &[&str]| says(&bundle, options, "grep CapEff /proc/self/status");
    assert_ne!(effective(&[]), effective(&["--cap", "CAP_NET_RAW"]));
    // What follows the command belongs to it.
    assert_eq!(text(&exec(&bundle, &[], &["echo", "-u", "--cwd"])), "-u --cwd\n");
    let process =
        json!({ "user": { "uid": 9, "gid": 9 }, "cwd": "/", "args": ["id", "-u"], "env": ["PATH=/bin"] });
    let file = bundle.beside("process.json");
    fs::write(&file, process.to_string()).unwrap();
    assert_eq!(text(&exec(&bundle, &["--process", file.to_str().unwrap()], &[])), "9\n");
}

#[test]
fn its_end_is_the_commands_and_failures_say_why() {
    let Some(bundle) = running("exec_status") else { return };
    assert_eq!(exec(&bundle, &[], &["sh", "-c", "exit 7"]).status.code(), Some(7));
    assert_eq!(exec(&bundle, &[], &["sh", "-c", "kill -9 $$"]).status.code(), Some(137));
    assert!(refusal(&exec(&bundle, &[], &["none"]), 127).contains("not found"));
    assert!(refusal(&exec(&bundle, &[], &["/bin"]), 126).contains("/bin"));
    assert!(refusal(&exec(&bundle, &[], &[]), 125).contains("process.args"));
    assert!(refusal(&exec(&bundle, &["--process", "/none"], &[]), 125).contains("/none"));
    assert!(refusal(&exec(&bundle, &["--detach", "--tty"], &["true"]), 125).contains("--console-socket"));
    assert!(refusal(&bundle.call(&["exec", "no-such-container", "true"]), 125).contains("does not exist"));
    bundle.must("kill", &["KILL"]);
    bundle.wait();
    assert!(refusal(&exec(&bundle, &[], &["true"]), 125).contains("not running"));
}

#[test]
fn nothing_of_the_host_comes_along() {
    let Some(bundle) = running("exec_descriptors") else { return };
    let folder = File::open("/").unwrap();
    rustix::io::fcntl_setfd(&folder, rustix::io::FdFlags::empty()).unwrap();
    // `ls` itself has one more open.
    assert_eq!(says(&bundle, &[], "ls /proc/self/fd | wc -l"), "4\n");
    assert_eq!(
        says(&bundle, &[], "ls -d /proc/self/root/root-of-the-host 2>/dev/null; cat /proc/1/comm"),
        "sleep\n"
    );
}

#[test]
fn it_dies_with_a_runtime_in_the_foreground_and_gets_its_signals() {
    let Some(bundle) = running("exec_foreground") else { return };
    let marker = format!("{}31337", std::process::id());
    let start = || {
        let mut runtime = bundle.runtime(&["exec", &bundle.id, "sleep", &marker]).spawn().unwrap();
        let inside = || processes(&marker).into_iter().filter(|&pid| pid != runtime.id()).collect::<Vec<_>>();
        eventually("started", || {
            inside().iter().any(|pid| {
                fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep"))
            })
        });
        runtime.stdin.take();
        runtime
    };
    let mut runtime = start();
    runtime.kill().unwrap();
    runtime.wait().unwrap();
    eventually("gone", || processes(&marker).is_empty());
    let mut runtime = start();
    let pid = rustix::process::Pid::from_child(&runtime);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(runtime.wait().unwrap().code(), Some(128 + 15));
    assert_eq!(bundle.status(), "running");
}

#[test]
fn a_paused_container_is_entered_only_on_request() {
    let Some(bundle) = running("exec_paused") else { return };
    let paused = bundle.call(&["pause", &bundle.id]);
    if !paused.status.success() {
        return skipped("a_paused_container_is_entered_only_on_request", &errors(&paused));
    }
    assert!(refusal(&exec(&bundle, &[], &["true"]), 125).contains("paused"));
    let detached = bundle
        .runtime(&["exec", "--ignore-paused", "--detach", &bundle.id, "touch", "/entered"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    assert!(!bundle.inside("entered").exists());
    bundle.must("resume", &[]);
    assert!(detached.wait_with_output().unwrap().status.success());
    eventually("entered", || bundle.inside("entered").exists());
}
