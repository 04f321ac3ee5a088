//! `isolab tax` end to end: what it launches, what one operation comes to, and what it says where there is no such work.

mod common;

use common::{diagnosis, full_tier, interrupted, lab, text};
use isolab::host::clock::is_emulated;
use isolab::samples::SamplesFile;
use isolab::tax::Work;
use isolab::tax::figures::Prices;
use isolab_timeline::Stack;

/// Stacks that run here. In an emulated machine a Linux guest takes seconds to boot, and there are many to boot.
fn stacks() -> Vec<Stack> {
    let full = full_tier();
    let wanted = |stack: &Stack| !stack.is_floor() && (full || !is_emulated() || *stack != Stack::Nested);
    let runs =
        |stack: &Stack| diagnosis()["available"].as_array().unwrap().iter().any(|name| name == stack.name());
    Stack::ALL.into_iter().filter(wanted).filter(runs).collect()
}

#[test]
fn every_work_is_priced_in_every_stack_or_it_is_said_why_not() {
    let (runs, stacks) = (if is_emulated() { 1 } else { 2 }, stacks());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let names: Vec<_> = stacks.iter().map(|stack| stack.name()).collect();
    let output = lab(&[
        "tax",
        "--stacks",
        &names.join(","),
        "--runs",
        &runs.to_string(),
        "--warmup",
        "0",
        "--seed",
        "3",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let json = std::fs::read(out.join("samples.json")).unwrap();
    let schema = serde_json::from_str(include_str!("../schema/samples.schema.json")).unwrap();
    if let Err(error) = jsonschema::validate(&schema, &serde_json::from_slice(&json).unwrap()) {
        panic!("{error} at {}", error.instance_path());
    }

    let file = SamplesFile::read(&out.join("samples.json")).unwrap();
    let tax = file.tax.as_ref().unwrap();
    let prices = Prices::of(tax, &file.host, file.seed);
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    for (&stack, work) in stacks.iter().flat_map(|stack| Work::ALL.map(|work| (stack, work))) {
        let launches = tax.launches.iter().filter(|launch| {
            launch.stack == stack && Work::of(launch.workload).is_some_and(|(of, _)| of == work)
        });
        let absent = tax.absent.iter().find(|absent| (absent.stack, absent.work) == (stack, work));
        assert_eq!(launches.count(), if absent.is_some() { 0 } else { 2 * runs }, "{stack} {work:?}");
        assert_eq!(prices.get(work, stack).is_some(), absent.is_none(), "{stack} {work:?}");
    }
    for work in Work::ALL.into_iter().filter(|&work| prices.of_work(work).next().is_some()) {
        assert!(text(&output.stdout).contains(work.name()) && html.contains(work.operation()), "{work:?}");
    }
    assert!(std::fs::read_to_string(out.join("tax.svg")).unwrap().starts_with("<svg"));
    assert!(!html.contains("spawn → begin p50"), "what was not measured has no trace");

    // What one operation is made of does not depend on the machine.
    let of = |work, stack| prices.get(work, stack).unwrap();
    let close = |count: f64, expected: f64| (count - expected).abs() < 0.1 * expected.max(0.5);
    assert!(close(of(Work::Fault, Stack::Process).faults, 1.0), "{:?}", of(Work::Fault, Stack::Process));
    assert!(close(of(Work::Touch, Stack::Process).faults, 1.0) || file.host.thp == "always");
    assert!(close(of(Work::Switch, Stack::Process).switches, 2.0), "{:?}", of(Work::Switch, Stack::Process));
    assert!(close(of(Work::Syscall, Stack::Process).faults, 0.0));
    assert!(of(Work::Syscall, Stack::Process).exits.is_none(), "no guest, no exit");
    if stacks.contains(&Stack::Unikernel) {
        assert!(close(of(Work::Cross, Stack::Unikernel).exits.unwrap(), 1.0));
        assert!(close(of(Work::Cpu, Stack::Unikernel).exits.unwrap(), 0.0));
        let why =
            |work| tax.absent.iter().find(|absent| (absent.stack, absent.work) == (Stack::Unikernel, work));
        assert!(why(Work::Syscall).unwrap().reason.contains("no kernel to call"));
        assert_eq!(of(Work::Cross, Stack::Unikernel).emulated, file.host.emulates_guest_kernels());
    }
    if stacks.contains(&Stack::Microvm) {
        assert!(close(of(Work::Syscall, Stack::Microvm).exits.unwrap(), 0.0), "its kernel answers");
    }
}

#[test]
fn an_interrupted_run_keeps_what_it_measured() {
    let (file, html) = interrupted(&["tax", "--runs", "100000", "--stacks", "process"]);
    assert!(file.partial.is_some() && !file.tax.unwrap().launches.is_empty());
    assert!(html.contains("interrupted"));
}

#[test]
fn a_comparison_of_all_parts_has_them_all_and_one_of_few_only_those() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let compared = |parts: &str| {
        let words =
            ["compare", "--quick", "--runs", "6", "--warmup", "0", "--stacks", "process", "--parts", parts];
        let output = lab(&[&words[..], &["--out", out.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let html = std::fs::read_to_string(out.join("report.html")).unwrap();
        (SamplesFile::read(&out.join("samples.json")).unwrap(), html)
    };
    let (file, html) = compared("all");
    assert!(file.counts.is_some() && file.tax.is_some() && file.samples.len() == 6);
    let heads =
        |html: &str| ["startup", "counts", "tax"].map(|part| html.contains(&format!("<h2 id=\"{part}\">")));
    assert_eq!(heads(&html), [true; 3]);
    // Its report takes the place of one that had more.
    let (file, html) = compared("counts");
    assert!(file.counts.is_some() && file.tax.is_none() && file.samples.is_empty());
    assert_eq!(heads(&html), [false, true, false]);
    assert!(!out.join("tax.svg").exists() && file.command.contains("--parts counts --quick"));
}

#[test]
fn bad_input_is_one_error() {
    for (words, word) in [
        (["tax", "--runs", "0"], "--runs"),
        (["tax", "--stacks", "chroot"], "there is no stack"),
        (["compare", "--parts", "speed"], "there is no part"),
    ] {
        let output = lab(&words);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(125), "{words:?}: {complaint}");
        assert!(complaint.contains(word) && !complaint.contains("panicked"), "{words:?}: {complaint}");
    }
}
