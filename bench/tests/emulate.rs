//! `isolab emulate` end to end: machines that run, are stopped, and die.

mod common;

use common::{LAB, Terminal, text};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A variable that QEMU inherits, so that it can be found.
const MARK: &str = "ISOLAB_TEST_MARK";

fn lab(arguments: &[&str]) -> Command {
    let mut command = Command::new(LAB);
    command.arg("emulate").args(arguments).stdin(Stdio::null());
    command
}

fn status(output: &Output) -> i32 {
    let code = output.status.code();
    code.unwrap_or_else(|| panic!("{}: {}", output.status, text(&output.stderr)))
}

/// Whether this host has what an emulated machine needs; says so where it has not.
fn can(test: &str) -> bool {
    if Path::new("/sys/module/kvm_amd").exists() && isolab::host::clock::is_emulated() {
        eprintln!("skipped: {test}: this machine is an emulated one itself");
        return false;
    }
    // The first thing that is missing ends it, long before a machine starts; else this line is refused.
    let output = lab(&["--in", "/nowhere", "exec", "--", "true"]).output().unwrap();
    let missing = output.status.code() == Some(126);
    if missing {
        eprintln!("skipped: {test}: {}", text(&output.stderr).trim());
    }
    !missing
}

/// The processes that inherited `mark`.
fn processes(mark: &str) -> usize {
    let variable = format!("{MARK}={mark}");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let inherits = |path: &Path| {
        let variables = fs::read(path.join("environ")).unwrap_or_default();
        variables.split(|&byte| byte == 0).any(|found| found == variable.as_bytes())
    };
    entries.filter(|entry| inherits(&entry.path())).count()
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "after ten seconds, still not: {what}");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_missing_is_said_with_its_fix() {
    let empty = tempfile::tempdir().unwrap();
    let output = lab(&["--", "doctor"]).env("PATH", empty.path()).output().unwrap();
    assert_eq!(status(&output), 126);
    assert!(text(&output.stderr).contains("apt-get install qemu-system-x86"), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr).lines().count(), 1);
    if can("what_is_missing_is_said_with_its_fix") {
        let output = lab(&["--", "doctor"]).env("XDG_CACHE_HOME", empty.path()).output().unwrap();
        assert_eq!(status(&output), 126);
        assert!(text(&output.stderr).contains("fix: isolab kernel get"), "{}", text(&output.stderr));
    }
}

#[test]
fn bad_requests_are_refused_before_anything_starts() {
    let refused = |arguments: &[&str], word: &str| {
        let output = lab(arguments).output().unwrap();
        assert_eq!(status(&output), 125, "{arguments:?}");
        assert!(text(&output.stderr).contains(word), "{arguments:?}: {}", text(&output.stderr));
    };
    refused(&[], "what shall run?");
    refused(&["--deterministic", "--cpus", "2", "--", "doctor"], "has one CPU");
    refused(&["--deterministic", "shell"], "nobody can type");
    refused(&["exec", "--", "isolab-no-such-program"], "no program isolab-no-such-program");
    if can("bad_requests_are_refused_before_anything_starts") {
        refused(&["--in", "/nowhere", "--", "doctor"], "/nowhere");
        refused(&["--in", "../up", "--", "doctor"], "..");
    }
}

#[test]
fn output_files_and_status_come_back_whole() {
    if !can("output_files_and_status_come_back_whole") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("input"), "from outside\n").unwrap();
    let script = "cat input; echo complaint >&2; id -u; ls /dev/kvm; grep -c . /sys/fs/cgroup/cgroup.controllers; \
                  mkdir -p reports/new; head -c 20000000 /dev/urandom > reports/new/big; \
                  sha256sum < reports/new/big; exit 200";
    let mut command = lab(&["--in", "input", "--out", "back", "exec", "--", "sh", "-c", script]);
    let output = command.current_dir(&folder).output().unwrap();
    assert_eq!(status(&output), 200, "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "complaint\n");
    let lines = text(&output.stdout);
    let mut lines = lines.lines();
    assert!(lines.by_ref().take(4).eq(["from outside", "0", "/dev/kvm", "1"]), "{}", text(&output.stdout));
    let big = folder.path().join("back/reports/new/big");
    let sum = Command::new("sha256sum").stdin(File::open(big).unwrap()).output().unwrap();
    assert_eq!(lines.next().unwrap(), text(&sum.stdout).trim_end());
    assert!(!folder.path().join("back/input").exists(), "what did not change stays");
}

#[test]
fn isolab_itself_runs_there_and_its_report_lands_where_it_was_asked_for() {
    if !can("isolab_itself_runs_there_and_its_report_lands_where_it_was_asked_for") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Somebody sets the clock an hour back and forth all the while: the ruler's clock is another.
    let compare =
        "compare --parts startup --stacks process,container --runs 5 --warmup 1 --out reports/there";
    let script = format!(
        "while sleep 0.1; do for hour in -1 1; do date -s @$(($(date +%s) + hour * 3600)); done; done >steps & \
         isolab {compare}; status=$?; kill $!; exit $status"
    );
    let mut command = lab(&["exec", "--", "sh", "-c", &script]);
    let output = command.current_dir(&folder).output().unwrap();
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    let steps = fs::read_to_string(folder.path().join("steps")).unwrap();
    assert!(steps.lines().count() > 4, "the clock was set: {steps}");
    assert!(text(&output.stdout).contains("container"), "{}", text(&output.stdout));
    let file = isolab::samples::SamplesFile::read(&folder.path().join("reports/there/samples.json")).unwrap();
    assert_eq!((file.samples.len(), file.invalid().count()), (12, 0));
    let hour = 3_600_000_000_000;
    assert!(
        file.samples.iter().flat_map(|sample| sample.marks_ns.marks()).all(|(_, at)| (0..hour).contains(&at))
    );
    assert!(file.host.emulated && file.host.cgroup == "v2" && file.host.kvm == "svm", "{:?}", file.host);
    let page = fs::read_to_string(folder.path().join("reports/there/report.html")).unwrap();
    assert!(page.contains("An emulator ran this machine"));
}

#[test]
fn a_command_that_is_not_there_is_127() {
    if !can("a_command_that_is_not_there_is_127") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, "#!/no/such/shell\n").unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = lab(&["exec", "--", script.to_str().unwrap()]).current_dir(&folder).output().unwrap();
    assert_eq!(status(&output), 127, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("script"), "{}", text(&output.stderr));
}

#[test]
fn a_machine_that_dies_is_told_with_its_last_words() {
    if !can("a_machine_that_dies_is_told_with_its_last_words") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = "echo partial > file; echo c > /proc/sysrq-trigger; sleep 60";
    let output = lab(&["exec", "--", "sh", "-c", script]).current_dir(&folder).output().unwrap();
    assert_eq!(status(&output), 125);
    let complaint = text(&output.stderr);
    assert!(complaint.contains("ended before its command did") && complaint.contains("panic"), "{complaint}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "half a result is none");
}

#[test]
fn time_limit_interrupt_and_kill_leave_no_machine() {
    if !can("time_limit_interrupt_and_kill_leave_no_machine") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let never = ["exec", "--", "sh", "-c", "echo ready; exec sleep 1000"];
    for (signal, expected) in [(None, 124), (Some(Signal::INT), 130), (Some(Signal::KILL), 137)] {
        let mark = format!("{}-{expected}", std::process::id());
        let mut command = lab(if signal.is_none() { &["--timeout", "3"] } else { &[] });
        command.args(never).current_dir(&folder).env(MARK, &mark);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let Some(signal) = signal {
            let mut ready = [0; 6];
            child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
            assert_eq!(&ready, b"ready\n");
            assert_eq!(processes(&mark), 2, "the lab and QEMU");
            kill_process(Pid::from_child(&child), signal).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code().unwrap_or(137), expected, "{}", text(&output.stderr));
        eventually("no process is left", || processes(&mark) == 0);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "no file is left");
    }
}

#[test]
fn a_shell_on_a_terminal_answers_and_gives_the_terminal_back() {
    if !can("a_shell_on_a_terminal_answers_and_gives_the_terminal_back") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (typed, expected) in [("exit 7\n", 7), ("\x01x", 0)] {
        let mut terminal = Terminal::open();
        let before = terminal.modes();
        let mut command = lab(&["shell"]);
        terminal.give(&mut command);
        let mut child = command.current_dir(&folder).spawn().unwrap();
        drop(command);
        terminal.look_for("# ");
        terminal.press("echo $((6*7))-is-it; which isolab\n");
        let shown = terminal.look_for("/opt/isolab/isolab");
        assert!(shown.contains("42-is-it"), "{shown}");
        terminal.press(typed);
        assert_eq!(child.wait().unwrap().code(), Some(expected));
        let after = terminal.modes();
        assert_eq!((before.local_modes, before.input_modes), (after.local_modes, after.input_modes));
    }
}
