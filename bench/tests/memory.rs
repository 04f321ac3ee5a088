//! The memory ledger end to end: what is touched shows, who dies is named, and nothing is left behind.

mod common;

use common::{LAB, accepted, full_tier, lab, runs_here, text};
use isolab::memory::{Ledger, Line};
use isolab::samples::SamplesFile;
use isolab_timeline::Stack;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const MIB: f64 = 1_048_576.0;

fn memory(out: &Path, more: &[&str]) -> Output {
    lab(&[&["memory", "--out", out.to_str().unwrap()], more].concat())
}

/// Starts the lab with a fleet that takes a while to grow.
fn begun(out: &Path, n: &str) -> Child {
    let mut command = Command::new(LAB);
    command.args(["memory", "--stacks", "process", "--n", n, "--out", out.to_str().unwrap()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The workloads that this lab has started, once there are `least` of them.
fn instances(lab: &Child, least: usize) -> Vec<i32> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = children(lab.id());
        if found.len() >= least {
            return found;
        }
        assert!(Instant::now() < deadline, "there are never {least}");
        sleep(Duration::from_millis(20));
    }
}

fn children(parent: u32) -> Vec<i32> {
    let is_child = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.split_whitespace().nth(1) == Some(&parent.to_string()))
    };
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(is_child).collect()
}

/// The lab's group, by the process whose name it bears, in whichever hierarchy.
fn groups(lab: u32) -> Vec<String> {
    let name = format!("run-{lab}-");
    ["/sys/fs/cgroup/isolab", "/sys/fs/cgroup/memory/isolab"]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()))
        .filter(|found| found.starts_with(&name))
        .collect()
}

#[test]
fn memory_that_is_touched_is_in_the_ledger_in_the_line_where_it_belongs() {
    let sizes: &[u64] = if full_tier() { &[64, 256] } else { &[64] };
    let lines = [
        (Stack::Process, Line::Workload),
        (Stack::Container, Line::Workload),
        (Stack::Unikernel, Line::Guest),
    ];
    for (stack, line) in lines {
        if !runs_here(stack, "memory_that_is_touched_is_in_the_ledger_in_the_line_where_it_belongs") {
            continue;
        }
        for &mib in sizes {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().join("report");
            let (workload, promised) = (format!("touch {mib}"), (mib + 32).to_string());
            let output = memory(
                &out,
                &["--stacks", stack.name(), "--n", "4", "--workload", &workload, "--memory", &promised],
            );
            assert!(output.status.success(), "{stack}: {}", text(&output.stderr));
            let section = SamplesFile::read(&out.join("samples.json")).unwrap().memory.unwrap();
            let ledger = Ledger::of(section.ledger_of(stack).unwrap()).unwrap();
            let found = ledger.get(line).unwrap().slope.bytes / MIB;
            assert!((found / mib as f64 - 1.0).abs() < 0.02, "{stack}: {found} of {mib} MiB: {ledger:#?}");
            // Every other line has little of it: it is counted once.
            let others: f64 =
                ledger.entries.iter().filter(|entry| entry.line != line).map(|entry| entry.slope.bytes).sum();
            assert!(others / MIB < 0.1 * mib as f64, "{stack}: {ledger:#?}");
            for ruler in [ledger.rulers.rss, ledger.rulers.pss, ledger.rulers.uss] {
                assert!(ruler.bytes / MIB > 0.98 * mib as f64, "{stack}: {ledger:#?}");
            }
        }
    }
}

#[test]
fn a_run_writes_a_report_that_its_schema_accepts_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let run = begun(&out, "12");
    let pid = run.id();
    let some = instances(&run, 2)[0];
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!Path::new(&format!("/proc/{some}")).exists() && groups(pid).is_empty(), "{:?}", groups(pid));

    let file = accepted(&out);
    let fleet = &file.memory.as_ref().unwrap().fleets[0];
    assert_eq!((fleet.asked, fleet.points.len(), fleet.stopped.as_ref()), (12, 11, None));
    assert!(fleet.points.iter().all(|point| point.processes.processes == point.instances as u64 + 1));
    // Twelve processes have a kernel stack and page tables each, whatever else this machine does.
    let ledger = Ledger::of(fleet).unwrap();
    assert!(ledger.get(Line::PageTables).unwrap().slope.bytes >= 8_192.0, "{ledger:#?}");
    assert!(ledger.get(Line::Launcher).is_none() && ledger.get(Line::Guest).is_none(), "{ledger:#?}");
    let html = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("page tables") && html.contains("in no line"));
    assert!(fs::read_to_string(out.join("memory.svg")).unwrap().starts_with("<svg"));
    assert!(text(&output.stdout).contains("= MemAvailable falls by"));
}

#[test]
fn an_instance_that_dies_is_named_and_what_was_read_before_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let run = begun(&out, "40");
    let victim = instances(&run, 6)[2];
    kill_process(Pid::from_raw(victim).unwrap(), Signal::KILL).unwrap();
    let output = run.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("process {victim}")) && said.contains("137"), "{said}");
    let section = SamplesFile::read(&out.join("samples.json")).unwrap().memory.unwrap();
    let fleet = &section.fleets[0];
    assert!(!fleet.wrong.is_empty() && fleet.points.len() < 11, "{fleet:#?}");
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains(&format!("process {victim}")));
}

#[test]
fn an_interrupted_run_keeps_its_readings_says_so_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let run = begun(&out, "60");
    let pid = run.id();
    let some = instances(&run, 8);
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::INT).unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    let file = SamplesFile::read(&out.join("samples.json")).unwrap();
    assert!(file.partial.is_some_and(|why| why.contains("interrupted")));
    let fleet = &file.memory.unwrap().fleets[0];
    assert!(fleet.stopped.is_some() && !fleet.points.is_empty() && fleet.points.len() < 11, "{fleet:#?}");
    assert!(some.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()));
    assert!(groups(pid).is_empty(), "{:?}", groups(pid));
}

#[test]
fn what_cannot_be_measured_is_refused_in_one_line() {
    for (wrong, word) in
        [(["--workload", "noop"], "wait"), (["--n", "0"], "1 to"), (["--stacks", "chroot"], "process")]
    {
        let output = lab(&[&["memory"][..], &wrong].concat());
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(125) && said.contains(word), "{wrong:?}: {said}");
    }
}
