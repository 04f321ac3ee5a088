//! The unikernel under our VMM, on the real `/dev/kvm`.

mod common;

use common::{kvm, microvm, run, unikernel};
use isolab_timeline::Mark::{Cleaned, Created, Exited, Isolate, Launcher, Loaded};
use isolab_workload::{mark, work};
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

const ALL: &[u8] = &[mark::BEGIN, mark::READY, mark::END];

#[test]
fn noop_marks_its_way_in_order() {
    const TEST: &str = "noop_marks_its_way_in_order";
    let Some(image) = unikernel(TEST).filter(|_| kvm(TEST)) else { return };
    let output = run(&image, "128", &["noop"]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), ALL), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn without_marks_there_are_none() {
    const TEST: &str = "without_marks_there_are_none";
    let Some(image) = unikernel(TEST).filter(|_| kvm(TEST)) else { return };
    let output = microvm(["run", "--image"]).arg(&image).args(["--", "noop"]).output().unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &[][..]), "{output:?}");
}

#[test]
fn cpu_does_the_same_work_as_a_process() {
    const TEST: &str = "cpu_does_the_same_work_as_a_process";
    let Some(image) = unikernel(TEST).filter(|_| kvm(TEST)) else { return };
    for turns in [0, 1, 1_000_000] {
        let output = run(&image, "128", &["cpu", &turns.to_string()]);
        let line = work::checksum_line(work::cpu(turns));
        let expected = [&[mark::BEGIN, mark::READY][..], &line, &[mark::END]].concat();
        assert_eq!((output.status.code(), &output.stdout), (Some(0), &expected), "{output:?}");
    }
}

#[test]
fn cross_and_touch_end_well_in_the_smallest_and_the_largest_vm() {
    const TEST: &str = "cross_and_touch_end_well_in_the_smallest_and_the_largest_vm";
    let Some(image) = unikernel(TEST).filter(|_| kvm(TEST)) else { return };
    for (memory, words) in [("2", ["cross", "100"]), ("16", ["touch", "14"]), ("1024", ["touch", "1"])] {
        let output = run(&image, memory, &words);
        assert_eq!((output.status.code(), &*output.stdout), (Some(0), ALL), "{words:?} {output:?}");
    }
}

#[test]
fn what_a_unikernel_cannot_do_is_refused_in_a_sentence() {
    const TEST: &str = "what_a_unikernel_cannot_do_is_refused_in_a_sentence";
    let Some(image) = unikernel(TEST).filter(|_| kvm(TEST)) else { return };
    for (words, status, sentence) in [
        (&["touch", "16"][..], 1, "less free memory"),
        (&["touch", "18446744073709551615"], 1, "less free memory"),
        (&["syscall", "1"], 2, "no kernel to call"),
        (&["dance"], 2, "kind=noop"),
        (&["cpu"], 2, "kind=noop"),
    ] {
        let output = run(&image, "16", words);
        assert_eq!(output.status.code(), Some(status), "{words:?} {output:?}");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(sentence) && text.ends_with('\n'), "{words:?} {text:?}");
        assert!(!output.stdout.contains(&mark::READY), "{words:?} {text:?}");
    }
}

#[test]
fn a_holding_guest_sleeps_until_standard_input_ends() {
    const TEST: &str = "a_holding_guest_sleeps_until_standard_input_ends";
    let Some(image) = unikernel(TEST).filter(|_| kvm(TEST)) else { return };
    for words in [&["wait"][..], &["touch", "1"]] {
        let mut command = microvm(["run", "--marks", "--image"]);
        command.arg(&image).arg("--").args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut marks = [0; 2];
        output.read_exact(&mut marks).unwrap();
        assert_eq!(marks, [mark::BEGIN, mark::READY]);
        // What arrives before the end does not wake it, and it sleeps rather than spins.
        input.write_all(b"not yet").unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        while !state().contains(") S ") {
            assert!(Instant::now() < deadline, "{}", state());
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(input);
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, [mark::END]);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn the_timeline_is_one_record_after_the_end() {
    const TEST: &str = "the_timeline_is_one_record_after_the_end";
    let Some(image) = unikernel(TEST).filter(|_| kvm(TEST)) else { return };
    let record = |options: &[&str], words: &[&str]| {
        let mut command = microvm(["run", "--marks", "--timeline"]);
        let output = command.args(options).arg("--image").arg(&image).arg("--").args(words).output().unwrap();
        let record =
            output.stdout.strip_prefix(&[ALL, &[isolab_timeline::record::RECORD]].concat()[..]).unwrap();
        isolab_timeline::Record::read(record).unwrap()
    };
    let plain = record(&[], &["noop"]);
    assert!(
        plain.marks.keys().copied().eq([Launcher, Isolate, Created, Loaded, Exited, Cleaned]),
        "{plain:?}"
    );
    assert!(plain.marks.values().is_sorted(), "{plain:?}");
    // Three marks and the end; KVM is asked only when told to.
    assert_eq!(plain.exits.unwrap(), std::collections::BTreeMap::from([("io_out".to_owned(), 4)]));
    assert_eq!(plain.statistics, None);
    let counted = record(&["--statistics"], &["cross", "50"]);
    assert_eq!(counted.exits.unwrap()["io_out"], 54);
    // KVM counts those and its own; before Linux 5.14 it does not tell.
    assert!(counted.statistics.is_none_or(|counts| counts["exits"] >= 54));
}
