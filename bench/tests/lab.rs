//! The lab end to end: its program is run as a user runs it, and what it says and writes is read.

mod common;

use common::{LAB, accepted, diagnosis, full_tier, interrupted, lab, runs_here, text};
use isolab::host::clock::is_emulated;
use isolab::samples::SamplesFile;
use isolab_timeline::{Mark, Stack};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How often each stack is launched, and before that for warming up. An emulated machine takes a second or two to
/// boot a Linux guest.
fn launches() -> (usize, usize) {
    let full = full_tier();
    if is_emulated() && !full { (1, 0) } else { (8, 1) }
}

/// Of these parts; the others have tests of their own.
fn compare(parts: &str, out: &Path, more: &[&str]) -> Output {
    let (runs, warmup) = launches();
    let (runs, warmup) = (runs.to_string(), warmup.to_string());
    let words =
        ["compare", "--parts", parts, "--out", out.to_str().unwrap(), "--runs", &runs, "--warmup", &warmup];
    lab(&[&words, more].concat())
}

#[test]
fn a_comparison_writes_a_whole_report_that_its_schema_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let output = compare("startup,counts", &out, &["--seed", "7"]);
    assert!(output.status.success(), "{}", text(&output.stderr));

    let file = accepted(&out);
    let every = launches().0 + launches().1;
    for stack in Stack::ALL {
        let told = file.unavailable.iter().any(|entry| entry.stack == stack);
        let samples: Vec<_> = file.samples.iter().filter(|sample| sample.stack == stack).collect();
        assert_eq!(samples.len(), if told { 0 } else { every }, "{stack}");
        for sample in samples {
            assert_eq!((sample.exit.status, &sample.invalid), (0, &None));
            let marks = [Mark::Spawn, Mark::Begin, Mark::Ready, Mark::End, Mark::Reaped];
            let times: Vec<_> = marks.iter().map(|&mark| sample.marks_ns.get(mark).unwrap()).collect();
            assert!(times[0] == 0 && times.is_sorted() && times[1] > 0, "{times:?}");
        }
    }
    assert!(file.command.contains("--seed 7"));
    // The emulated machine is there to have them all, given a kernel.
    let all = is_emulated() && std::env::var_os("ISOLAB_KERNEL_SMALL").is_some();
    assert!(!all || file.unavailable.is_empty(), "{:?}", file.unavailable);

    let table = text(&output.stdout);
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    let summary = std::fs::read_to_string(out.join("summary.md")).unwrap();
    for stack in file.stacks() {
        assert!([&table, &html, &summary].iter().all(|place| place.contains(stack.name())), "{stack}");
    }
    for chart in ["ecdf.svg", "phases.svg", "order.svg"] {
        assert!(std::fs::read_to_string(out.join(chart)).unwrap().starts_with("<svg"), "{chart}");
    }
    assert!(!html.contains("http://") || html.contains("www.w3.org"), "nothing is fetched from elsewhere");
}

#[test]
fn the_launchers_own_marks_lie_inside_their_launch() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    compare("startup", &out, &["--stacks", "process,container,unikernel"]);
    let file = SamplesFile::read(&out.join("samples.json")).unwrap();
    for (stack, own) in [
        (Stack::Container, [Mark::Launcher, Mark::Isolate, Mark::Cloned, Mark::Rooted]),
        (Stack::Unikernel, [Mark::Launcher, Mark::Isolate, Mark::Created, Mark::Loaded]),
    ] {
        for sample in file.counted(stack) {
            let times: Vec<_> = own.iter().map(|&mark| sample.marks_ns.get(mark).unwrap()).collect();
            assert!(times.is_sorted() && times[0] > 0, "{stack}: {times:?}");
            assert!(times[3] < sample.marks_ns.get(Mark::Begin).unwrap(), "{stack}");
            assert!(sample.marks_ns.get(Mark::Cleaned) < sample.marks_ns.get(Mark::Reaped), "{stack}");
        }
    }
    assert!(file.counted(Stack::Process).all(|sample| sample.marks_ns.get(Mark::Isolate).is_none()));
}

#[test]
fn every_stack_computes_the_same_and_a_holding_one_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    for workload in ["cpu 200000", "touch 8", "wait", "syscall 100", "cross 100"] {
        let out = folder.path().join(workload.replace(' ', "-"));
        let output = compare("startup", &out, &["--workload", workload]);
        // A stack that has no such work is told of, and is no failure; a wrong checksum would be one.
        assert!(output.status.success(), "{workload}: {}", text(&output.stderr));
        let file = SamplesFile::read(&out.join("samples.json")).unwrap();
        assert_eq!(file.invalid().count(), 0, "{workload}");
        assert!(
            workload.starts_with("cross") || file.counted(Stack::Process).count() == launches().0,
            "{workload}"
        );
    }
}

#[test]
fn doctor_speaks_to_people_and_to_programs() {
    let words = text(&lab(&["doctor"]).stdout);
    let value = diagnosis();
    for what in ["/dev/kvm", "cgroup memory", "user namespaces", "overlay", "guest user code"] {
        assert!(words.contains(what), "{what}: {words}");
        assert!(value["checks"].as_array().unwrap().iter().any(|check| check["what"] == what), "{what}");
    }
    let listed = |list: &str| value[list].as_array().unwrap().len();
    assert_eq!(listed("available") + listed("unavailable"), Stack::ALL.len());
}

#[test]
fn run_passes_output_and_exit_status_on() {
    let process = lab(&["run", "process", "cpu", "1000"]);
    assert!(text(&process.stdout).contains("checksum "), "{}", text(&process.stdout));
    assert_eq!(lab(&["run", "process", "--", "cpu", "1000"]).stdout, process.stdout);
    assert_eq!(lab(&["run", "process", "dance"]).status.code(), Some(2));
    if runs_here(Stack::Unikernel, "run_passes_output_and_exit_status_on") {
        let guest = lab(&["run", "unikernel", "--memory", "16", "--", "cpu", "1000"]);
        assert!(guest.status.success(), "{}", text(&guest.stderr));
        assert!(lab(&["run", "unikernel", "--", "noop"]).status.success(), "no option before the --");
        let line = text(&guest.stdout);
        assert!(text(&process.stdout).contains(line.trim()), "the same checksum: {line}");
    }
}

/// A part that cannot be measured after another was: what there is is kept, and the exit status tells.
#[test]
fn a_part_that_fails_keeps_what_was_measured_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    // Too few descriptors for hundreds of instances, enough for a launch.
    let script = "ulimit -n 30; exec \"$@\"";
    let words =
        ["compare", "--parts", "startup,density", "--stacks", "process", "--runs", "3", "--warmup", "0"];
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "sh", LAB]).args(words).arg("--out").arg(&out);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let file = accepted(&out);
    assert_eq!((file.samples.len(), file.density.as_ref()), (3, None));
    assert!(file.partial.as_deref().is_some_and(|why| why.contains("descriptors")), "{:?}", file.partial);
    assert!(said.contains("descriptors"), "{said}");
    assert!(std::fs::read_to_string(out.join("report.html")).unwrap().contains("descriptors"));
}

#[test]
fn an_interrupted_comparison_keeps_what_it_measured() {
    let (file, html) = interrupted(&["compare", "--runs", "100000", "--stacks", "process"]);
    assert!(file.partial.is_some() && !file.samples.is_empty());
    assert!(html.contains("interrupted"));
}

#[test]
fn a_launch_that_does_not_end_is_killed_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let for_ever = format!("cpu {}", u64::MAX);
    let output = lab(&[
        "compare",
        "--parts",
        "startup",
        "--stacks",
        "process",
        "--runs",
        "2",
        "--warmup",
        "0",
        "--limit",
        "1",
        "--workload",
        &for_ever,
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("had not ended after 1 s"), "{}", text(&output.stderr));
    let file = SamplesFile::read(&out.join("samples.json")).unwrap();
    assert_eq!((file.samples.len(), file.invalid().count()), (2, 2));
    assert!(file.samples.iter().all(|sample| sample.exit.status == 137), "killed and reaped");
}

#[test]
fn a_killed_lab_leaves_nothing_that_clean_does_not_find() {
    let mine = |child: u32| {
        let name = format!("isolab-run-{child}-");
        let entries = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&name)).count()
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let mut child = Command::new(LAB)
        .args(["compare", "--runs", "100000", "--out", out.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while mine(child.id()) == 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(mine(child.id()), 1, "the run's folder");
    std::thread::sleep(Duration::from_millis(200));
    child.kill().unwrap();
    child.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while mine(child.id()) > 0 && Instant::now() < deadline {
        assert!(lab(&["clean"]).status.success());
    }
    assert_eq!(mine(child.id()), 0, "swept");
    assert!(!out.exists(), "no half report");
}

#[test]
fn bad_input_gets_one_clear_error_and_the_right_status() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    let refused = |arguments: &[&str], status: i32, word: &str| {
        let output = lab(arguments);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {complaint}");
        assert!(complaint.contains(word), "{arguments:?}: {complaint}");
        assert!(!complaint.contains("panicked"), "{arguments:?}: {complaint}");
    };
    refused(&["compare", "--stacks", "chroot"], 125, "there is no stack");
    refused(&["compare", "--workload", "dance"], 125, "is no workload");
    refused(&["compare", "--runs", "0"], 125, "--runs");
    refused(
        &[
            "compare",
            "--parts",
            "startup",
            "--runs",
            "1",
            "--warmup",
            "0",
            "--stacks",
            "process",
            "--out",
            "/proc/nowhere",
        ],
        125,
        "/proc/nowhere",
    );
    let in_file = file.join("report");
    let in_file = in_file.to_str().unwrap();
    refused(
        &[
            "compare", "--parts", "startup", "--runs", "1", "--warmup", "0", "--stacks", "process", "--out",
            in_file,
        ],
        125,
        in_file,
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    refused(
        &["compare", "--parts", "startup", "--stacks", "process", "--workload", "cross 1", "--out", out],
        126,
        "choose another --workload",
    );
}

/// What each floor may do, call by call. A floor that grows is no floor: think before adding here.
#[test]
fn the_floors_make_only_these_system_calls() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let output = compare("counts", &out, &["--stacks", "container-floor,kvm-floor"]);
    let file = SamplesFile::read(&out.join("samples.json")).unwrap();
    let allowed: [(Stack, &[(&str, u64)]); 2] = [
        (
            Stack::ContainerFloor,
            // One open, write and close for each of at most four v1 groups; one open of a v2 group.
            &[
                ("chdir", 2),
                ("clone3", 1),
                ("close", 5),
                ("execve", 1),
                ("exit_group", 2),
                ("mkdir", 3),
                ("mount", 3),
                ("open", 6),
                ("pivot_root", 1),
                ("umount2", 1),
                ("unshare", 1),
                ("wait4", 1),
                ("write", 7),
            ],
        ),
        (Stack::KvmFloor, &[("exit_group", 1), ("ioctl", 12), ("mmap", 2), ("open", 1), ("write", 3)]),
    ];
    for (stack, allowed) in allowed {
        let Some(counted) = file.counts.as_ref().and_then(|counts| counts.stacks.get(&stack)) else {
            eprintln!("skipped: the_floors_make_only_these_system_calls: {stack}: {}", text(&output.stderr));
            continue;
        };
        assert!(!counted.traced.is_empty(), "{stack}: {:?}", counted.absent);
        for counted in counted.traced.iter().map(|launch| &launch.syscalls) {
            for (name, &count) in counted {
                let most = allowed.iter().find(|(call, _)| call == name).map_or(0, |&(_, most)| most);
                assert!(count <= most, "{stack} makes {count} {name}, allowed {most}");
            }
            assert!(counted["exit_group"] >= 1);
        }
    }
}
