//! Density end to end: fleets of the real stacks, what the lab writes of them, and that nothing of them is left.

mod common;

use common::{LAB, behind, diagnosis, full_tier, lab, runs_here, text};
use isolab::density::figures::{Figures, What};
use isolab::density::section::{Density, Point, Stopped};
use isolab::host::clock::is_emulated;
use isolab::samples::SamplesFile;
use isolab_timeline::Stack;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many instances of each stack: thousands, where there is time for them.
fn many() -> usize {
    let full = full_tier();
    if full && !is_emulated() { 2_000 } else { 20 }
}

/// Runs `isolab density` and reads what it wrote.
fn density(out: &Path, more: &[&str]) -> (Density, SamplesFile, String) {
    let output = lab(&[&["density", "--out", out.to_str().unwrap()], more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let file = SamplesFile::read(&out.join("samples.json")).unwrap();
    (file.density.clone().unwrap(), file, text(&output.stderr))
}

/// How many processes run a program of the lab's below `lab`, or have lost it.
fn left_of(lab: u32) -> usize {
    let stat = |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("stat")).ok();
    let stats: Vec<String> = std::fs::read_dir("/proc").unwrap().flatten().filter_map(stat).collect();
    let session =
        |stat: &String| stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().to_owned();
    let own = |stat: &&String| stat.contains("(isolab-") && session(stat) == lab.to_string();
    stats.iter().filter(own).count()
}

fn groups_of(lab: u32) -> usize {
    let tops = std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
    let parents = tops.chain(["/sys/fs/cgroup".into()]).map(|top| top.join("isolab"));
    let name = format!("{lab}-");
    let of = |parent| std::fs::read_dir(parent).into_iter().flatten().flatten();
    parents.flat_map(of).filter(|group| group.file_name().to_string_lossy().contains(&name)).count()
}

#[test]
fn fleets_are_alive_and_working_and_gone_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let stacks: Vec<_> =
        [Stack::Process, Stack::Container, Stack::Unikernel, Stack::ContainerFloor, Stack::KvmFloor]
            .into_iter()
            .filter(|&stack| runs_here(stack, "fleets_are_alive_and_working_and_gone_afterwards"))
            .collect();
    let names: Vec<_> = stacks.iter().map(|stack| stack.name()).collect();
    let out = folder.path().join("report");
    let max = many().to_string();
    let options = ["--max", &max, "--burst", "6", "--levels", "1,6", "--repeat", "1", "--seed", "7"];
    let (density, file, _) = density(&out, &[&["--stacks", &names.join(",")], &options[..]].concat());

    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../schema/samples.schema.json")).unwrap();
    let value = serde_json::from_slice(&std::fs::read(out.join("samples.json")).unwrap()).unwrap();
    if let Err(error) = jsonschema::validate(&schema, &value) {
        panic!("{error} at {}", error.instance_path());
    }
    assert_eq!(density.stacks(), stacks);
    assert_eq!(density.bursts.len(), 2 * stacks.len());
    assert!(density.bursts.iter().all(|burst| burst.instances == 6 && burst.took_ns > 0));
    for fill in &density.fills {
        assert_eq!(
            (fill.launches.len(), fill.stopped, &fill.why),
            (many(), Stopped::Max, &None),
            "{}",
            fill.stack
        );
        assert_eq!(fill.points.last().unwrap().instances, many());
        assert!(fill.points.is_sorted_by_key(|point| point.instances));
        assert!(fill.launches.iter().all(|launch| 0 < launch.begin_ns && launch.begin_ns <= launch.ready_ns));
        let two = matches!(fill.stack, Stack::Container | Stack::ContainerFloor);
        assert!(fill.need.tasks >= if two { 2 } else { 1 } * fill.need.instances as u64, "{:?}", fill.need);
        assert!(fill.need.descriptors >= 3 * fill.need.instances as u64, "{:?}", fill.need);
    }
    assert_eq!(density.wrong().count(), 0);
    assert!(file.partial.is_none() && file.command.contains("--seed 7"));
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("<h2 id=\"density\">Density</h2>") && !html.contains("<h2>Start-up</h2>"));
    assert!(std::fs::read_to_string(out.join("density.svg")).unwrap().starts_with("<svg"));
}

#[test]
fn what_a_fifth_foretells_is_published_before_the_rest_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--stacks", "process", "--max", "60", "--burst", "0", "--at-once", "1", "--seed", "3"];
    let (density, written, said) = density(&folder.path().join("report"), &options);
    let fill = &density.fills[0];
    assert_eq!((fill.stopped, fill.launches.len(), fill.predicted_at), (Stopped::Max, 60, Some(12)));
    let published = said.lines().find(|line| line.contains("12 instances, foretells: ")).expect(&said);
    assert!(published.contains("MiB for 60 instances: "), "{published}");
    let figures = Figures::of(&density, &written.host, written.seed);
    let scored = |what| figures.filled[0].predictions.iter().find(|each| each.what == what).unwrap();
    let start = scored(What::Start { instances: 59 });
    // What it says of the start depends on nothing but this fleet.
    assert!(start.found.is_some() && start.interval_score().unwrap() > 0.0, "{start:?}");
    assert!(scored(What::Fall { instances: 60 }).found.is_some());
    // The net is looser than what the lab stops at by itself, and tighter than the machine.
    if let Some(net) = density.net_bytes {
        assert!(density.budget_bytes < net && net < fill.before_bytes + density.reserve_bytes, "{density:?}");
    }
}

#[test]
fn a_budget_is_the_end_when_it_is_used_up() {
    let folder = tempfile::tempdir().unwrap();
    // The memory is the whole machine's: others use it as well, and may give some back meanwhile.
    let options = ["--stacks", "process", "--budget", "8m", "--max", "400", "--burst", "0", "--json"];
    let (density, ..) = density(&folder.path().join("report"), &options);
    let fill = &density.fills[0];
    assert_eq!(density.budget_bytes, 8 << 20);
    let spent = |point: &Point| fill.before_bytes.saturating_sub(point.available_bytes);
    let (last, before) = fill.points.split_last().unwrap();
    assert!(before.iter().all(|point| spent(point) < 8 << 20));
    match fill.stopped {
        Stopped::Budget => assert!(spent(last) >= 8 << 20, "{}", spent(last)),
        other => assert_eq!((other, fill.launches.len()), (Stopped::Max, 400)),
    }
}

#[test]
fn a_start_that_takes_as_long_as_is_allowed_is_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let one_at_a_time = ["--stacks", "process", "--max", "5", "--at-once", "1", "--burst", "0"];
    let (all, ..) =
        density(&folder.path().join("all"), &[&one_at_a_time[..], &["--until", "60000"]].concat());
    assert_eq!((all.fills[0].stopped, all.fills[0].launches.len()), (Stopped::Max, 5));
    // One that waits for 50 ms first is later than 20, whatever else this machine does.
    let slow = behind(&folder.path().join("slow"), "isolab-workload", "sleep 0.05");
    let out = folder.path().join("first");
    let mut command = Command::new(LAB);
    command.args(["density", "--until", "20", "--out", out.to_str().unwrap()]).args(one_at_a_time);
    let output = command.env("ISOLAB_PROGRAMS", slow).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let first = SamplesFile::read(&out.join("samples.json")).unwrap().density.unwrap();
    assert_eq!((first.fills[0].stopped, first.until_ns), (Stopped::Until, Some(20_000_000)));
    assert!(first.fills[0].launches.len() < 5, "{:?}", first.fills[0].launches);
}

#[test]
fn what_the_host_has_no_room_for_is_refused_with_the_numbers_before_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let refused = |options: &[&str], words: &[&str]| {
        let base = ["density", "--stacks", "process", "--out", out.to_str().unwrap()];
        let output = lab(&[&base[..], options].concat());
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(126), "{complaint}");
        assert!(words.iter().all(|word| complaint.contains(word)), "{complaint}");
        assert!(!out.exists());
    };
    let pids = std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap();
    let too_many = pids.trim().parse::<u64>().unwrap() + 1;
    refused(&["--max", &too_many.to_string()], &["processes and threads", "leaves", "give --max"]);
    refused(&["--budget", "100000g"], &["a budget of 102400000 MiB", "available", "give --budget"]);
    refused(&["--max", "1", "--at-once", "1000000"], &["descriptors of the lab", "ulimit -n"]);
    let wrong = lab(&["density", "--budget", "much"]);
    assert!(wrong.status.code() == Some(125) && text(&wrong.stderr).contains("such as 128m"));
}

#[test]
fn an_instance_that_dies_is_seen_and_named_and_the_rest_is_kept_and_gone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let child = Command::new(LAB)
        .args([
            "density",
            "--stacks",
            "process",
            "--max",
            "20000",
            "--burst",
            "0",
            "--out",
            out.to_str().unwrap(),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let victim = wait_for(|| instance_of(child.id()));
    rustix::process::kill_process(victim, rustix::process::Signal::KILL).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("(process {}) ended too early, with status 137", victim.as_raw_nonzero())),
        "{said}"
    );
    let fill = &SamplesFile::read(&out.join("samples.json")).unwrap().density.unwrap().fills[0];
    assert!(fill.stopped == Stopped::Failed && fill.launches.len() > 1);
}

#[test]
fn an_interrupted_run_keeps_what_was_measured_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let stack = if diagnosis()["available"].as_array().unwrap().iter().any(|name| name == "container") {
        Stack::Container
    } else {
        Stack::Process
    };
    let child = Command::new("setsid")
        .args([LAB, "density", "--max", "4000", "--burst", "0", "--stacks", stack.name()])
        .args(["--out", out.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    // More than the few that are tried and the first batch.
    wait_for(|| (left_of(id) > 130).then_some(()));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    let written = SamplesFile::read(&out.join("samples.json")).unwrap();
    assert!(written.partial.unwrap().contains("interrupted"));
    let fill = &written.density.unwrap().fills[0];
    assert!(
        fill.stopped == Stopped::Interrupted && !fill.points.is_empty() && fill.wrong.is_empty(),
        "{fill:?}"
    );
    assert!(std::fs::read_to_string(out.join("report.html")).unwrap().contains("Incomplete run"));
    wait_for(|| (left_of(id) == 0 && groups_of(id) == 0).then_some(()));
}

/// A killed lab's ends of the pipes close, and so its instances end.
#[test]
fn the_fleet_of_a_killed_lab_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let mut child = Command::new("setsid")
        .args([LAB, "density", "--max", "4000", "--burst", "0", "--stacks", "process"])
        .args(["--out", out.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = child.id();
    wait_for(|| (left_of(id) > 20).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for(|| (left_of(id) == 0).then_some(()));
    assert!(!out.exists());
}

/// An instance that a lab holds: not the first few, which it only tries.
fn instance_of(lab: u32) -> Option<rustix::process::Pid> {
    let children = std::fs::read_to_string(format!("/proc/{lab}/task/{lab}/children")).ok();
    let of_threads = std::fs::read_dir(format!("/proc/{lab}/task")).ok()?.flatten();
    let all: Vec<i32> = of_threads
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .chain(children)
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>())
        .collect();
    (all.len() > 20).then(|| rustix::process::Pid::from_raw(all[10])).flatten()
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}
