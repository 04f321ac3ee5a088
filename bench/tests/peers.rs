//! Peers: those that are found here are really launched, and those that misbehave get a clear answer.

mod common;

use common::{LAB, diagnosis, full_tier, runs_here, text};
use isolab::samples::SamplesFile;
use isolab::schedule;
use isolab_timeline::{Peer, Stack};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What one comparison said, and whose process it was.
struct Compared {
    output: Output,
    lab: u32,
    file: Option<SamplesFile>,
}

fn compare(out: &Path, more: &[&str], environment: &[(&str, &str)]) -> Compared {
    let mut command = Command::new(LAB);
    command
        .args(["compare", "--parts", "startup", "--warmup", "0", "--out", out.to_str().unwrap()])
        .args(more);
    command
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let lab = child.id();
    let output = child.wait_with_output().unwrap();
    Compared { output, lab, file: SamplesFile::read(&out.join("samples.json")).ok() }
}

/// Everything on this machine that carries the name of the run of that lab: processes, mounts, cgroups, folders.
fn left_of(lab: u32) -> Vec<String> {
    let name = format!("run-{lab}-");
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().collect::<Vec<_>>();
    let mut left: Vec<String> = Vec::new();
    for process in entries(Path::new("/proc")) {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        left.extend(text(&line).contains(&name).then(|| format!("process {}", text(&line))));
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    left.extend(mounts.lines().filter(|line| line.contains(&name)).map(String::from));
    let (mut open, mut depth) = (vec![PathBuf::from("/sys/fs/cgroup"), std::env::temp_dir()], 0);
    while depth < 4 && !open.is_empty() {
        let found: Vec<_> = open.iter().flat_map(|folder| entries(folder)).collect();
        let named = found.iter().filter(|entry| entry.file_name().to_string_lossy().contains(&name));
        left.extend(named.map(|entry| entry.path().display().to_string()));
        open = found
            .iter()
            .map(fs::DirEntry::path)
            .filter(|path| path.starts_with("/sys/fs/cgroup") && path.is_dir())
            .collect();
        depth += 1;
    }
    left
}

fn assert_nothing_left(lab: u32) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !left_of(lab).is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(left_of(lab), Vec::<String>::new());
}

/// The peers that can be launched on this machine at all, and a word on the others.
fn here(test: &str) -> Vec<Peer> {
    let found = |peer: &Peer| diagnosis()["peers"].get(peer.name()).is_some();
    let (here, missing): (Vec<_>, Vec<_>) = Peer::ALL.into_iter().partition(found);
    for peer in missing {
        eprintln!("skipped: {test}: {peer} is not installed");
    }
    // The daemon is the user's to start; whether our own stack runs says whether this machine can.
    here.into_iter()
        .filter(|&peer| peer != Peer::Docker || std::env::var_os("DOCKER_HOST").is_some())
        .filter(|peer| runs_here(peer.beside(), test))
        .collect()
}

/// A program of the test's own.
fn script(folder: &Path, name: &str, lines: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn the_peers_found_here_are_measured_beside_ours_and_leave_nothing() {
    const TEST: &str = "the_peers_found_here_are_measured_beside_ours_and_leave_nothing";
    let folder = tempfile::tempdir().unwrap();
    let peers = here(TEST);
    if peers.is_empty() {
        eprintln!("skipped: {TEST}: no peer runs here; install runc or bubblewrap");
        return;
    }
    let options: Vec<_> = peers.iter().flat_map(|peer| ["--peer", peer.name()]).collect();
    let words = [&["--stacks", "process", "--runs", "2", "--workload", "cpu 1000"], &options[..]].concat();
    let out = folder.path().join("report");
    let compared = compare(&out, &words, &[]);
    let file = compared.file.unwrap();
    let told = text(&compared.output.stderr);
    assert_eq!(file.invalid().count(), 0, "every stack prints the same checksum: {told}");
    for peer in peers {
        let stack = Stack::Peer(peer);
        if let Some(why) = file.unavailable.iter().find(|why| why.stack == stack) {
            eprintln!("skipped: {TEST}: {peer}: {}; fix: {}", why.reason, why.fix);
            continue;
        }
        assert_eq!(file.counted(stack).count(), 2, "{peer}: {told}");
        assert!(file.probe_ns.contains_key(&stack), "{peer}");
        let record = &file.peers[&stack];
        assert!(record.version.chars().any(|letter| letter.is_ascii_digit()), "{record:?}");
        assert!(!record.command.join(" ").contains("/tmp") && record.command.len() > 3, "{record:?}");
        assert!(text(&compared.output.stdout).contains(peer.name()));
    }
    assert_nothing_left(compared.lab);
}

#[test]
fn a_container_whose_peer_was_killed_at_the_time_limit_is_removed() {
    const TEST: &str = "a_container_whose_peer_was_killed_at_the_time_limit_is_removed";
    let folder = tempfile::tempdir().unwrap();
    let for_ever = format!("cpu {}", u64::MAX);
    for peer in here(TEST).into_iter().filter(|peer| peer.beside() == Stack::Container) {
        let words = [
            "--stacks",
            "process",
            "--peer",
            peer.name(),
            "--runs",
            "1",
            "--limit",
            "5",
            "--workload",
            &for_ever,
        ];
        let compared = compare(&folder.path().join(peer.name()), &words, &[]);
        let file = compared.file.unwrap();
        let Some(launch) = file.samples.iter().find(|sample| sample.stack == Stack::Peer(peer)) else {
            eprintln!("skipped: {TEST}: {peer}: {}", text(&compared.output.stderr));
            continue;
        };
        let why = launch.invalid.as_deref().unwrap_or_default();
        assert!(why.contains("had not ended after 5 s"), "{peer}: {why}");
        assert_eq!(compared.output.status.code(), Some(1), "{peer}");
        assert_nothing_left(compared.lab);
    }
}

/// Who is at work on `work`: each process with the path of its program.
fn at_work(work: &str) -> Vec<(i32, String)> {
    let words = format!("isolab-workload\0{}\0", work.replace(' ', "\0"));
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let found = processes.filter_map(|process| {
        let line = text(&fs::read(process.path().join("cmdline")).ok()?);
        let path = line.strip_suffix(&words)?;
        // A client has these words, too, behind its own.
        (!path.contains('\0'))
            .then(|| Some((process.file_name().to_str()?.parse().ok()?, path.to_owned())))?
    });
    found.collect()
}

#[test]
fn what_peers_keep_for_a_killed_lab_is_removed_by_clean() {
    const TEST: &str = "what_peers_keep_for_a_killed_lab_is_removed_by_clean";
    let folder = tempfile::tempdir().unwrap();
    for peer in here(TEST).into_iter().filter(|peer| peer.beside() == Stack::Container) {
        // No other test's work is of this length, and it never ends.
        let work = format!("cpu {}", u64::MAX - u64::from(std::process::id()) * 16 - peer as u64);
        let stacks = [Stack::Process, Stack::Peer(peer)];
        let peer_first = |seed: &u64| schedule::plan(&stacks, 0, 1, *seed)[0].stack == stacks[1];
        let seed = (0..1_000).find(peer_first).unwrap().to_string();
        let mut lab = Command::new(LAB)
            .args([
                "compare",
                "--parts",
                "startup",
                "--stacks",
                "process",
                "--peer",
                peer.name(),
                "--runs",
                "1",
            ])
            .args(["--warmup", "0", "--limit", "600", "--workload", &work, "--seed", &seed, "--out"])
            .arg(folder.path().join(peer.name()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // In a sandbox with a kernel of its own, as runsc has, it does not show: there this is its time to begin.
        let deadline = Instant::now() + Duration::from_secs(if peer == Peer::Runsc { 3 } else { 20 });
        while at_work(&work).is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        lab.kill().unwrap();
        lab.wait().unwrap();
        // A container's program lies at its root. A bare process in its stead: the peer could not be launched here.
        if let [(bare, path)] = &at_work(&work)[..]
            && path != "/"
        {
            kill_process(Pid::from_raw(*bare).unwrap(), Signal::KILL).unwrap();
            eprintln!("skipped: {TEST}: {peer} does not run here");
            continue;
        }
        assert!(
            peer == Peer::Bwrap || !left_of(lab.id()).is_empty(),
            "{peer}: there was something to remove"
        );
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut said = String::new();
        while (!at_work(&work).is_empty() || !left_of(lab.id()).is_empty()) && Instant::now() < deadline {
            let output = Command::new(LAB).arg("clean").output().unwrap();
            said = text(&output.stdout) + &text(&output.stderr);
        }
        assert!(at_work(&work).is_empty(), "{peer}: {said}");
        assert_eq!(left_of(lab.id()), Vec::<String>::new(), "{peer}: {said}");
    }
}

#[test]
fn a_peer_that_crashes_hangs_prints_rubbish_or_is_none_gets_a_clear_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("text"), "no program").unwrap();
    let answers = [
        (script(path, "crash", "kill -SEGV $$"), "ended with status 139"),
        (
            script(path, "complain", "echo 'no such option' >&2; exit 2"),
            "ended with status 2: no such option",
        ),
        (script(path, "hang", "exec sleep 1000"), "had not ended after 1 s and was killed"),
        (script(path, "rubbish", "echo 'I am something else'"), "it printed \"I am something else"),
        (script(path, "flood", "exec yes"), "had not ended after 1 s and was killed"),
        (script(path, "no-interpreter", "").with_file_name("nowhere"), "is no program that can be executed"),
        (path.join("text"), "is no program that can be executed"),
    ];
    for (p, peer) in ["runc", "podman", "bwrap", "firecracker", "cloud-hypervisor", "qemu"].iter().enumerate()
    {
        // Each answer and each peer once; at full size each with each.
        for (_, (program, answer)) in answers.iter().enumerate().filter(|(a, _)| full_tier() || a % 6 == p) {
            let given = format!("{peer}={}", program.display());
            let words = ["--stacks", "process", "--runs", "1", "--limit", "1", "--peer", &given];
            let compared = compare(&path.join("report"), &words, &[]);
            let told = text(&compared.output.stderr);
            assert_eq!(compared.output.status.code(), Some(126), "{given}: {told}");
            assert!(told.contains(&format!("{peer} cannot be measured here")), "{given}: {told}");
            assert!(told.contains(answer) && told.contains("fix: "), "{given}: {told}");
            let file = compared.file.unwrap();
            assert_eq!(file.counted(Stack::Process).count(), 1, "what can be measured is: {given}");
            assert_nothing_left(compared.lab);
        }
    }
}

#[test]
fn peers_that_are_missing_are_listed_with_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["--stacks", "process", "--runs", "1", "--peers"];
    let nothing = folder.path().to_str().unwrap();
    let compared = compare(&folder.path().join("report"), &words, &[("PATH", nothing)]);
    assert!(compared.output.status.success(), "nobody asked for one by name");
    let file = compared.file.unwrap();
    assert_eq!(file.unavailable.len(), Peer::ALL.len());
    assert!(file.unavailable.iter().all(|why| why.fix.contains("--peer ")), "{:?}", file.unavailable);
    assert!(text(&compared.output.stderr).contains("apt-get install runc"));

    let refused = compare(&folder.path().join("report"), &["--peer", "jail"], &[]);
    assert_eq!(refused.output.status.code(), Some(125));
    assert!(text(&refused.output.stderr).contains("there is no peer \"jail\""));
}

#[test]
fn doctor_lists_every_peer_once() {
    let (here, missing) = (&diagnosis()["peers"], &diagnosis()["missing_peers"]);
    assert_eq!(here.as_object().unwrap().len() + missing.as_array().unwrap().len(), Peer::ALL.len());
}
