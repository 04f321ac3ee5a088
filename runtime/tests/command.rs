//! The command: how it starts, how it ends, and how signals reach it.

mod common;

use common::{Root, refusal, skipped};
use isolab_timeline::Mark::{Cleaned, Cloned, Exited, Isolate, Launcher, Rooted};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn its_exit_status_is_the_runtimes() {
    let Some(root) = Root::for_anyone("its_exit_status_is_the_runtimes") else { return };
    for (script, status) in [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("kill -TERM $$", 143)] {
        let output = root.run(&["--init"], &["sh", "-c", script]);
        assert_eq!(output.status.code(), Some(status), "{script}");
        assert_eq!(common::errors(&output), "", "{script}");
    }
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let Some(root) = Root::for_anyone("a_command_that_is_not_there_is_named") else { return };
    for name in ["no-such-command", "/bin/no-such-command"] {
        let line = refusal(&root.run(&[], &[name]), 127);
        assert!(line.contains("not found") && line.contains(name), "{line}");
    }
    assert!(refusal(&root.run(&[], &[""]), 125).contains("names no program"));
    fs::write(root.path().join("script"), "#!/bin/no-such-shell\n").unwrap();
    let mut mode = fs::metadata(root.path().join("script")).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    fs::set_permissions(root.path().join("script"), mode).unwrap();
    let line = refusal(&root.run(&[], &["/script"]), 127);
    assert!(line.contains("interpreter") && line.contains("/script"), "{line}");
}

#[test]
fn a_command_that_cannot_be_executed_is_named() {
    let Some(root) = Root::for_anyone("a_command_that_cannot_be_executed_is_named") else { return };
    fs::write(root.path().join("bin/plain"), "text").unwrap();
    for name in ["/bin/plain", "plain", "/bin"] {
        let line = refusal(&root.run(&[], &[name]), 126);
        assert!(line.contains(name), "{line}");
    }
}

#[test]
fn it_gets_its_environment_and_its_folder() {
    let Some(root) = Root::for_anyone("it_gets_its_environment_and_its_folder") else { return };
    let options = ["--env", "A=1", "--env", "A=two words", "--workdir", "/bin"];
    let mut command = root.command(&options, &["sh", "-c", "echo $A; pwd; echo $SECRET; echo $HOME"]);
    let output = command.env("SECRET", "of the host").output().unwrap();
    assert_eq!(common::text(&output), "two words\n/bin\n\n/root\n");
    // It is made if it is missing, in the container only.
    assert_eq!(root.script(&["--workdir", "/nowhere"], "pwd"), "/nowhere\n");
    assert!(!root.path().join("nowhere").exists());
    let line = refusal(&root.run(&["--workdir", "/bin/sh"], &["true"]), 125);
    assert!(line.contains("/bin/sh"), "{line}");
    // What would have been the runtime's own descriptor of a host's folder.
    let line = refusal(&root.run(&["--workdir", "/proc/self/fd/3"], &["true"]), 125);
    assert!(line.contains("/proc/self/fd/3"), "{line}");
}

#[test]
fn signals_are_forwarded_to_it_alone() {
    let Some(root) = Root::for_anyone("signals_are_forwarded_to_it_alone") else { return };
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::USR1, "USR1"), (Signal::HUP, "HUP")] {
        let script = format!("trap 'echo got; exit 9' {name}; echo ready; while :; do sleep 0.05; done");
        let (mut child, mut output) = root.start(&[], &script);
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(9), "{name}");
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "got\n");
    }
    // The first process of a PID namespace has no defaults; with an init before it the command has.
    let (mut child, _output) = root.start(&["--init"], "echo ready; exec sleep 100");
    send(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_signal_before_it_starts_is_not_lost() {
    let Some(root) = Root::for_anyone("a_signal_before_it_starts_is_not_lost") else { return };
    for microseconds in (0..4_000).step_by(250) {
        let mut child = root.command(&["--init"], &["sleep", "100"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_micros(microseconds));
        send(&child, Signal::TERM);
        let status = child.wait().unwrap();
        // Either the runtime had not begun, or the command got it.
        let by_default = std::os::unix::process::ExitStatusExt::signal(&status) == Some(15);
        assert!(by_default || status.code() == Some(143), "{microseconds} us: {status}");
    }
}

/// A container on a terminal of its own, as the leader of the terminal's session; ready.
fn on_a_terminal(root: &Root, test: &str, script: &str) -> Option<(Child, BufReader<ChildStdout>)> {
    if !Path::new("/usr/bin/script").exists() {
        skipped(test, "needs script (Debian: bsdutils)");
        return None;
    }
    let (runtime, path) = (common::RUNTIME, root.path());
    let line = format!(
        "stty -echo; exec '{runtime}' contain --init --rootfs '{}' -- sh -c '{script}'",
        path.display()
    );
    let mut command = Command::new("/usr/bin/script");
    command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped());
    Some(common::start(command))
}

#[test]
fn ctrl_c_on_a_terminal_reaches_all_of_the_commands_group() {
    let test = "ctrl_c_on_a_terminal_reaches_all_of_the_commands_group";
    let Some(root) = Root::for_anyone(test) else { return };
    // The shell lives on, and says how the program that it waited for has ended.
    let script = r#"trap : INT; sh -c "echo ready; exec sleep 20"; echo slept $?; exit 3"#;
    let Some((mut child, mut output)) = on_a_terminal(&root, test, script) else { return };
    child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    // The container's own terminal echoes what is typed.
    assert!(rest.trim_end().ends_with("slept 130"), "{rest}");

    let Some((mut child, _output)) = on_a_terminal(&root, test, "echo ready; sleep 20; true") else { return };
    child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_terminal_that_hangs_up_ends_it() {
    let test = "a_terminal_that_hangs_up_ends_it";
    let Some(root) = Root::for_anyone(test) else { return };
    let marker = format!("7{:09}", std::process::id());
    let Some((mut child, _output)) = on_a_terminal(&root, test, &format!("echo ready; exec sleep {marker}"))
    else {
        return;
    };
    assert!(!common::processes(&marker).is_empty(), "the search finds a running one");
    child.kill().unwrap();
    child.wait().unwrap();
    common::eventually("no process is left", || common::processes(&marker).is_empty());
}

#[test]
fn it_cannot_signal_its_callers_group() {
    let Some(root) = Root::for_anyone("it_cannot_signal_its_callers_group") else { return };
    let outer = r#""$0" contain --init --rootfs "$1" -- sh -c 'kill -KILL 0'; echo status $?"#;
    let mut command = Command::new("sh");
    command.args(["-c", outer, common::RUNTIME]).arg(root.path()).process_group(0);
    let output = command.output().unwrap();
    assert_eq!(common::text(&output), "status 137\n");
}

#[test]
fn orphans_are_adopted_and_reaped() {
    let Some(root) = Root::for_anyone("orphans_are_adopted_and_reaped") else { return };
    let script = "sh -c 'sleep 0.2 & echo $!' > /orphan; read orphan < /orphan; \
        grep PPid: /proc/$orphan/status; sleep 0.6; test -d /proc/$orphan || echo reaped";
    assert_eq!(root.script(&["--init"], script), "PPid:\t1\nreaped\n");
}

#[test]
fn what_it_leaves_running_dies_with_it() {
    let Some(root) = Root::for_anyone("what_it_leaves_running_dies_with_it") else { return };
    let marker = format!("9{}", std::process::id());
    root.script(&[], &format!("sleep {marker} > /dev/null 2>&1 & sleep 0.05"));
    assert_eq!(common::processes(&marker), Vec::<u32>::new());
}

#[test]
fn the_timeline_is_the_last_line() {
    let Some(root) = Root::for_anyone("the_timeline_is_the_last_line") else { return };
    let output = root.run(&["--timeline"], &["echo", "hello"]);
    let record = output.stdout.strip_prefix(b"hello\n\x1e").expect("the command's own output comes first");
    let marks = isolab_timeline::Record::read(record).unwrap().marks;
    let order = [Launcher, Isolate, Cloned, Rooted, Exited, Cleaned];
    assert_eq!(marks.keys().copied().collect::<Vec<_>>(), order);
    assert!(order.windows(2).all(|pair| marks[&pair[0]] <= marks[&pair[1]]), "{marks:?}");
    assert_eq!(root.run(&[], &["echo", "hello"]).stdout, b"hello\n");
}
