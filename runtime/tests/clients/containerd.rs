//! containerd by `ctr`, through its shim. Its configuration names no `PATH`, and its ids are its user's.

use crate::common::terminal::{pair, read_to, with_terminal};
use crate::common::{RUNTIME, errors, eventually, text};
use crate::place::Place;
use crate::podman::or_skipped;
use std::fs;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

struct Containerd {
    place: Place,
}

fn containerd(test: &str) -> Option<&'static Containerd> {
    static CONTAINERD: OnceLock<Result<Containerd, String>> = OnceLock::new();
    let make = || {
        let mut place = Place::new(&["containerd", "ctr", "containerd-shim-runc-v2"], |folder| {
            let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
            let settings = format!(
                "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
                 [grpc]\naddress = {:?}\n[ttrpc]\naddress = {:?}\n",
                at("data"),
                at("run"),
                at("containerd.sock"),
                at("containerd.ttrpc")
            );
            fs::write(at("config.toml"), settings).unwrap();
            let mut command = Command::new("containerd");
            command.args(["--config", &at("config.toml")]);
            command
        })?;
        let daemon = place.start();
        let this = Containerd { place };
        let gone = || !fs::exists(format!("/proc/{daemon}")).unwrap();
        eventually("containerd answers", || this.call(&["version"]).status.success() || gone());
        if gone() { Err("containerd does not start here".to_owned()) } else { Ok(this) }
    };
    or_skipped(test, CONTAINERD.get_or_init(make).as_ref())
}

impl Containerd {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["60", "ctr", "--namespace", &self.place.group(), "--address"]);
        command.arg(self.place.file("containerd.sock")).args(words).stdin(Stdio::null());
        command
    }

    fn call(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("ctr starts")
    }

    fn must(&self, words: &[&str]) -> String {
        let output = self.call(words);
        assert!(output.status.success(), "{words:?}: {}", errors(&output));
        text(&output)
    }

    fn run_command(&self, id: &str, options: &[&str], words: &[&str]) -> Command {
        let (states, root) = (self.place.path("states"), self.place.path("root"));
        let given = ["run", "--runc-binary", RUNTIME, "--runc-root", &states];
        self.command(&[&given, options, &["--rootfs", &root, id], words].concat())
    }

    /// Runs a shell script to its end. Nothing of it is left after.
    fn run(&self, id: &str, options: &[&str], script: &str) -> Output {
        let output =
            self.run_command(id, &[&["--rm"], options].concat(), &["sh", "-c", script]).output().unwrap();
        self.assert_gone(id);
        output
    }

    fn assert_gone(&self, id: &str) {
        eventually(&format!("nothing is left: {:?}", self.place.traces(id)), || {
            self.place.traces(id).is_empty()
        });
    }

    /// The status of a container's task.
    fn status(&self, id: &str) -> String {
        let table = self.must(&["tasks", "list"]);
        let line = table.lines().find(|line| line.starts_with(id)).unwrap_or_default();
        line.split_whitespace().last().unwrap_or_default().to_owned()
    }
}

/// An id that no other process of this machine has in its command line.
fn id(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}

#[test]
fn its_words_and_its_status_come_back() {
    let Some(engine) = containerd("its_words_and_its_status_come_back") else { return };
    let id = id("words");
    let output = engine.run(&id, &[], "echo out; echo err >&2; exit 3");
    assert_eq!(text(&output), "out\n");
    assert_eq!(errors(&output), "err\n");
    assert_eq!(output.status.code(), Some(3));
    let output = engine.run_command(&id, &["--rm"], &["/no/such/program"]).output().unwrap();
    assert!(!output.status.success());
    assert!(errors(&output).contains("/no/such/program: executable file not found"), "{}", errors(&output));
    engine.assert_gone(&id);
}

#[test]
fn a_task_is_followed_through_its_life() {
    let Some(engine) = containerd("a_task_is_followed_through_its_life") else { return };
    let id = id("life");
    let script = "trap 'exit 9' TERM; while :; do sleep 0.05; done";
    let options = ["-d", "--null-io"];
    assert!(engine.run_command(&id, &options, &["sh", "-c", script]).status().unwrap().success());
    assert_eq!(engine.status(&id), "RUNNING");
    let exec = |options: &[&str], script: &str| {
        engine.call(
            &[&["tasks", "exec", "--exec-id", "more"], options, &[&id, "/bin/sh", "-c", script]].concat(),
        )
    };
    let output = exec(&["--user", "1234:55", "--cwd", "/tmp"], "id -u; id -g; pwd; exit 4");
    assert_eq!((output.status.code(), &*text(&output)), (Some(4), "1234\n55\n/tmp\n"), "{}", errors(&output));
    assert!(!engine.call(&["tasks", "exec", "--exec-id", "none", &id, "/no/such/program"]).status.success());
    engine.must(&["tasks", "pause", &id]);
    assert_eq!(engine.status(&id), "PAUSED");
    engine.must(&["tasks", "resume", &id]);
    assert_eq!(engine.status(&id), "RUNNING");
    assert!(engine.must(&["tasks", "ps", &id]).lines().count() >= 2);
    assert!(engine.must(&["tasks", "metrics", &id]).contains(&id));
    assert!(!engine.call(&["containers", "delete", &id]).status.success(), "it is running");
    engine.must(&["tasks", "kill", &id]);
    eventually("it stops", || engine.status(&id) == "STOPPED");
    // ctr ends as the task did.
    let output = engine.call(&["tasks", "delete", &id]);
    assert!(
        errors(&output).contains("exit code 9") || output.status.code() == Some(9),
        "{}",
        errors(&output)
    );
    engine.must(&["containers", "delete", &id]);
    engine.assert_gone(&id);
}

#[test]
fn a_task_is_limited_and_walled_in() {
    let Some(engine) = containerd("a_task_is_limited_and_walled_in") else { return };
    let hog = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done";
    let output = engine.run(&id("hog"), &["--memory-limit", "33554432"], hog);
    assert_eq!(output.status.code(), Some(137), "{}", errors(&output));
    let output = engine.run(&id("read-only"), &["--read-only"], "touch /file");
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    assert!(errors(&output).contains("Read-only file system"), "{}", errors(&output));
    fs::write(engine.place.file("given"), "of the host\n").unwrap();
    let mount = format!("type=bind,src={},dst=/given,options=bind:ro", engine.place.path("given"));
    let options = ["--seccomp", "--mount", &mount, "--env", "A=b"];
    let script = "cat /given; echo $A; grep Seccomp: /proc/self/status; echo x > /given";
    let output = engine.run(&id("walls"), &options, script);
    assert_eq!(text(&output), "of the host\nb\nSeccomp:\t2\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_terminal_is_given_and_has_its_size() {
    let Some(engine) = containerd("a_terminal_is_given_and_has_its_size") else { return };
    let id = id("terminal");
    let script = r#"tty; until [ "$(stty size)" = "33 77" ]; do sleep 0.05; done; echo the end; exit 5"#;
    let (mut master, terminal) = pair();
    let mut client =
        with_terminal(engine.run_command(&id, &["--rm", "-t"], &["sh", "-c", script]), &terminal);
    drop(terminal);
    let said = read_to(&mut master, "the end");
    assert!(said.contains("/dev/pts/0"), "{said}");
    assert_eq!(client.wait().unwrap().code(), Some(5), "{said}");
    engine.assert_gone(&id);
}
