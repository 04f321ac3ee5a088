//! The gate end to end: real builds, real launches, real delays.

mod common;

use common::{LAB, behind, build, lab, runs_here, text};
use isolab::programs::Programs;
use isolab::samples::SamplesFile;
use isolab_timeline::{Mark, Stack};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn gate(a: &Path, b: &Path, out: &Path, more: &[&str]) -> Output {
    let words = ["gate", a.to_str().unwrap(), b.to_str().unwrap(), "--out", out.to_str().unwrap()];
    lab(&[&words[..], &["--stacks", "process", "--seed", "7"], more].concat())
}

fn answer(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("gate.json")).unwrap()).unwrap()
}

#[test]
fn a_build_that_waits_fails_and_the_same_build_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let a = build(&folder.path().join("a"));
    let b = behind(&folder.path().join("b"), "isolab-workload", "sleep 0.1");
    let out = folder.path().join("gate");
    let more = ["--runs", "12", "--warmup", "1", "--metric", "startup", "--max-slowdown", "50%"];
    let output = gate(&a, &b, &out, &more);
    assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(
        text(&output.stdout).contains("Fail: spawn → begin of process changes by +"),
        "{}",
        text(&output.stdout)
    );
    assert!(fs::read_to_string(out.join("summary.md")).unwrap().contains("**fail**"));
    let answer = answer(&out);
    assert_eq!((&answer["verdict"], &answer["startup"][0]["n"]), (&"fail".into(), &12.into()));

    // The other way round it is quicker, and held against itself it is no slower: whatever else this machine does now,
    // neither is a failure.
    for pair in [[&b, &a], [&a, &a]] {
        let output = gate(pair[0], pair[1], &out, &more);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output.stdout));
    }

    // The records of one run are decided anew, by another limit.
    gate(&a, &b, &out, &more);
    let [of_a, of_b] = [out.join("samples-a.json"), out.join("samples-b.json")];
    let output = gate(&of_a, &of_b, &folder.path().join("again"), &["--max-slowdown", "0%"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
}

/// A launcher that sleeps for 5 ms before it does anything: that is in each launch's time, in the phase in which it
/// happened and in none after. A sleep never ends too early; and what other programs take hits both builds, so that in some
/// round it is not B that they hit.
#[test]
fn an_added_sleep_is_in_the_phase_in_which_it_happens() {
    const ADDED: i64 = 5_000_000;
    const TEST: &str = "an_added_sleep_is_in_the_phase_in_which_it_happens";
    let programs = [
        (Stack::Process, "isolab-workload"),
        (Stack::Container, "isolab-runtime"),
        (Stack::Unikernel, "isolab-microvm"),
    ];
    let here: Vec<_> = programs.into_iter().filter(|&(stack, _)| runs_here(stack, TEST)).collect();
    for (stack, program) in here {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = [("a", ":"), ("b", "sleep 0.005")]
            .map(|(name, lines)| behind(&folder.path().join(name), program, lines));
        let out = folder.path().join("gate");
        let more = ["--metric", "startup", "--runs", "12", "--warmup", "0", "--stacks", stack.name()];
        let output = lab(&[
            &["gate", a.to_str().unwrap(), b.to_str().unwrap(), "--out", out.to_str().unwrap()],
            &more[..],
        ]
        .concat());
        let [without, with] =
            ["samples-a.json", "samples-b.json"].map(|name| SamplesFile::read(&out.join(name)).unwrap());
        assert_eq!(with.counted(stack).count(), 12, "{stack}: {}", text(&output.stderr));
        // The launcher's own first instruction, where there is a launcher.
        let first = if stack == Stack::Process { Mark::Begin } else { Mark::Launcher };
        let spans = |file: &SamplesFile, from, to| -> Vec<i64> {
            file.counted(stack).filter_map(|sample| sample.marks_ns.span(from, to)).collect()
        };
        assert!(spans(&with, Mark::Spawn, first).iter().all(|&span| span >= ADDED), "{stack}");
        let marks = with.samples[0].marks_ns.marks().map(|(mark, _)| mark);
        for mark in marks.skip_while(|&mark| mark != first) {
            let [slow, quick] = [&with, &without].map(|file| spans(file, first, mark));
            let least = slow.iter().zip(&quick).map(|(slow, quick)| slow - quick).min().unwrap();
            assert!(least < ADDED, "{stack}: from {first:?} to {mark:?} are {least} ns more");
        }
    }
}

#[test]
fn system_calls_are_gated_to_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let a = build(&folder.path().join("a"));
    let b = behind(&folder.path().join("b"), "isolab-workload", ":");
    let out = folder.path().join("gate");
    let same = gate(&a, &a, &out, &["--metric", "counts"]);
    assert_eq!(same.status.code(), Some(0), "{}{}", text(&same.stdout), text(&same.stderr));
    let counts = &answer(&out)["counts"][0];
    assert_eq!(counts["a"], counts["b"]);
    let most = counts["a"]["most"].as_u64().unwrap();
    let more = gate(&a, &b, &out, &["--metric", "counts"]);
    assert_eq!(more.status.code(), Some(1), "{}", text(&more.stdout));
    assert!(text(&more.stdout).contains(&format!("where it made {most}")), "{}", text(&more.stdout));
    // Counted from a program's first instruction on: its own start is not among its calls.
    let execve = &answer(&out)["counts"][0]["differences"]["execve"];
    assert_eq!((&execve[0]["most"], &execve[1]["least"]), (&0.into(), &1.into()));
    let allowed = gate(&a, &b, &out, &["--metric", "counts", "--more-calls", "100000"]);
    assert_eq!(allowed.status.code(), Some(0), "{}", text(&allowed.stdout));
}

/// A new process keeps its environment as long as it lives: eight words of 128 KiB are 1 MiB of its own pages.
const MEBIBYTE: &str = "x=$(head -c 131000 /dev/zero | tr '\\0' x)
export A=$x B=$x C=$x D=$x E=$x F=$x G=$x H=$x";

#[test]
fn a_build_that_keeps_a_mebibyte_more_fails_and_the_same_build_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let a = build(&folder.path().join("a"));
    let b = behind(&folder.path().join("b"), "isolab-workload", MEBIBYTE);
    // Both at once: most of the time they wait.
    let [same, more] = std::thread::scope(|scope| {
        let (a, folder) = (&a, folder.path());
        [(a, "same"), (&b, "more")]
            .map(|(b, name)| {
                // A process of 30 KiB has now and then one page table more.
                let memory = ["--metric", "memory", "--instances", "8", "--max-growth", "50%"];
                scope.spawn(move || (gate(a, b, &folder.join(name), &memory), answer(&folder.join(name))))
            })
            .map(|run| run.join().unwrap())
    });
    let (output, more) = more;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stderr));
    assert!(said.contains("Fail: own pages of process changes by +"), "{said}");
    let own = |answer: &Value| answer["memory"][0].clone();
    let grown = own(&more)["b"].as_f64().unwrap() - own(&more)["a"].as_f64().unwrap();
    assert!((grown - 1024.0).abs() < 0.02 * 1024.0, "{grown} KiB: {more}");
    let (output, same) = same;
    // Others move the machine's memory as they like: by that ruler it may be inconclusive. Its own pages are its own.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output.stdout));
    assert_eq!((&own(&same)["verdict"], &own(&same)["n"]), (&"pass".into(), &8.into()), "{same}");
    assert_eq!(same["grown"][0]["rounds"].as_array().unwrap().len(), 8);
}

#[test]
fn a_container_is_counted_with_all_that_it_starts() {
    if !runs_here(Stack::Container, "a_container_is_counted_with_all_that_it_starts") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let a = build(&folder.path().join("a"));
    let out = folder.path().join("gate");
    let output = lab(&[
        "gate",
        a.to_str().unwrap(),
        a.to_str().unwrap(),
        "--stacks",
        "container",
        "--metric",
        "counts",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}{}", text(&output.stdout), text(&output.stderr));
    let counts = &answer(&out)["counts"][0];
    assert!(counts["a"]["least"].as_u64().unwrap() > 50, "{counts}");
}

#[test]
fn a_build_that_cannot_run_what_the_other_can_fails() {
    let folder = tempfile::tempdir().unwrap();
    let a = build(&folder.path().join("a"));
    let b = behind(&folder.path().join("b"), "isolab-workload", "exit 9");
    let out = folder.path().join("gate");
    let output = gate(&a, &b, &out, &["--runs", "6", "--warmup", "0"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("Fail: B cannot run process, which A can: it ended with status 9"));
}

#[test]
fn an_interrupted_gate_keeps_what_it_has_and_passes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let a = build(&folder.path().join("a"));
    let out = folder.path().join("gate");
    let child = Command::new(LAB)
        .args(["gate", a.to_str().unwrap(), a.to_str().unwrap(), "--stacks", "process", "--runs", "100000"])
        .args(["--metric", "startup", "--out", out.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Long enough for a slow machine to be in the middle of it; it has far more to do.
    std::thread::sleep(Duration::from_secs(3));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("Inconclusive: it was interrupted after"),
        "{}",
        text(&output.stdout)
    );
    let read = |name| SamplesFile::read(&out.join(name)).unwrap();
    assert!(read("samples-a.json").partial.is_some() && !read("samples-b.json").samples.is_empty());
}

#[test]
fn bad_input_gets_one_clear_error_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("gate");
    let a = build(&folder.path().join("a"));
    let refused = |arguments: &[&str], words: &[&str]| {
        let output = lab(&[&["gate", "--out", out.to_str().unwrap()], arguments].concat());
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(125), "{arguments:?}: {complaint}");
        for word in words {
            assert!(
                complaint.contains(word) && !complaint.contains("panicked"),
                "{arguments:?}: {complaint}"
            );
        }
        assert!(!out.exists());
    };
    let path = a.to_str().unwrap();
    refused(&["no-such-revision-", path], &["no-such-revision-", "git revision"]);
    refused(&[path], &["<B>"]);
    refused(&[path, path, "--max-slowdown", "5000%"], &["--max-slowdown", "0% to 100%"]);
    fs::remove_file(a.join("isolab-init")).unwrap();
    refused(&[path, path], &["isolab-init", path]);

    let record = folder.path().join("samples.json");
    let output = lab(&[
        "compare",
        "--stacks",
        "process",
        "--runs",
        "8",
        "--warmup",
        "0",
        "--json",
        "--out",
        folder.path().join("report").to_str().unwrap(),
    ]);
    let sound: Value = serde_json::from_slice(&output.stdout).unwrap();
    let doctored = |pointer: &str, value: Value| {
        let mut file = sound.clone();
        *file.pointer_mut(pointer).unwrap() = value;
        let path = folder.path().join("doctored.json");
        fs::write(&path, file.to_string()).unwrap();
        path
    };
    fs::write(&record, sound.to_string()).unwrap();
    let record = record.to_str().unwrap();
    for (pointer, value, word) in [
        ("/host/kernel", Value::from("0.0.1"), "different hosts: kernel"),
        ("/host/clock", "virtual-icount".into(), "different clocks"),
        ("/schema_version", 99.into(), "its schema version is 99"),
        ("/samples/3/order", 2.into(), "launch 2 is there twice"),
        ("/samples/3/marks_ns/begin", (-1).into(), "negative span"),
    ] {
        refused(&[record, doctored(pointer, value).to_str().unwrap()], &[word]);
    }
    refused(&[record, record], &["not interleaved in one run"]);
}

/// A repository whose only program is made by `build.rs`, which puts the measured programs where a build of isolab does.
fn repository(folder: &Path, main: &str) -> PathBuf {
    let at = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let programs: Vec<_> =
        Programs::find().unwrap().all().map(|path| format!("\"{}\"", path.display())).into();
    at("Cargo.toml", "[package]\nname = \"mock-up\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n");
    at("Cargo.lock", "version = 4\n\n[[package]]\nname = \"mock-up\"\nversion = \"0.1.0\"\n");
    at("src/main.rs", main);
    at(
        "build.rs",
        &format!(
            "use std::path::Path;\nfn main() {{\n    let target = std::env::var(\"CARGO_TARGET_DIR\").unwrap();\n    \
             let folder = Path::new(&target).join(\"programs/x86_64-unknown-linux-gnu/program\");\n    \
             std::fs::create_dir_all(&folder).unwrap();\n    for program in [{}].map(Path::new) {{\n        \
             std::fs::copy(program, folder.join(program.file_name().unwrap())).unwrap();\n    }}\n}}\n",
            programs.join(", ")
        ),
    );
    commit(folder, "first");
    folder.into()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").current_dir(folder).args(who).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn commit(folder: &Path, message: &str) {
    if !folder.join(".git").exists() {
        git(folder, &["init", "--quiet"]);
    }
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", message]);
}

#[test]
fn revisions_are_built_once_and_their_worktrees_go_whether_they_build_or_not() {
    let name = "revisions_are_built_once_and_their_worktrees_go_whether_they_build_or_not";
    if ["git", "cargo"].iter().any(|tool| Command::new(tool).arg("--version").output().is_err()) {
        eprintln!("skipped: {name}: git or cargo are not installed; install both");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let repository = repository(&folder.path().join("repository"), "fn main() {}\n");
    fs::write(repository.join("src/main.rs"), "fn main() { let number: u32 = \"none\"; }\n").unwrap();
    commit(&repository, "second, which does not build");
    let cache = folder.path().join("cache");
    let lab = |arguments: &[&str]| {
        let mut command = Command::new(LAB);
        command.current_dir(&repository).env("XDG_CACHE_HOME", &cache).env("CARGO_NET_OFFLINE", "true");
        command.args(["gate", "--metric", "counts", "--stacks", "process", "--out", "gate"]);
        command.args(arguments).stdin(Stdio::null()).output().unwrap()
    };
    let nothing_is_left = || assert_eq!(git(&repository, &["worktree", "list"]).lines().count(), 1);

    let output = lab(&["HEAD~1", "HEAD"]);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{complaint}");
    assert!(complaint.contains("revision HEAD (") && complaint.contains("does not build"), "{complaint}");
    assert!(complaint.contains("mismatched types") && complaint.contains("src/main.rs:1"), "{complaint}");
    nothing_is_left();

    let first = git(&repository, &["rev-parse", "HEAD~1"]);
    let all = fs::read_dir(cache.join("isolab/builds")).unwrap().map(|entry| entry.unwrap().path());
    let of_first = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(first.trim());
    let [kept] = &all.filter(of_first).collect::<Vec<_>>()[..] else { panic!("one build is kept") };
    assert!(kept.join("isolab-workload").is_file());
    let made = fs::metadata(kept).unwrap().modified().unwrap();
    // What is not committed is in no revision, and that is said.
    assert!(!complaint.contains("as it was committed"), "{complaint}");
    fs::write(repository.join("src/main.rs"), "fn main() { panic!() }\n").unwrap();
    let output = lab(&["HEAD~1", "HEAD~1"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stderr).contains("a revision is gated as it was committed"));
    assert_eq!(fs::metadata(kept).unwrap().modified().unwrap(), made, "built once");
    assert_eq!(answer(&repository.join("gate"))["b"]["commit"]["id"], first.trim());
    nothing_is_left();
}

#[test]
fn a_self_check_states_the_noise_floor() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("gate");
    let output = lab(&[
        "gate",
        "--self-check",
        "--stacks",
        "process",
        "--runs",
        "20",
        "--warmup",
        "1",
        "--metric",
        "startup",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("The smallest change that such a run sees here and now is"));
    assert!(answer(&out)["startup"][0]["effect"]["detectable"].as_f64().unwrap() > 0.0);
}
