//! The workload program: small, static, and each kind does what it says.

use isolab::programs::Programs;
use isolab_workload::{mark, work};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

fn workload(words: &[&str]) -> Command {
    let mut command = Command::new(Programs::find().unwrap().workload);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn ended(words: &[&str]) -> Output {
    workload(words).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn it_is_at_most_64_kib_and_needs_no_loader() {
    let program = std::fs::read(Programs::find().unwrap().workload).unwrap();
    assert!(program.len() <= 64 << 10, "{} bytes", program.len());
    // A program header of type 3 (PT_INTERP) would name a dynamic loader. ELF64: 56 bytes each, from byte 64.
    let headers = u16::from_le_bytes([program[56], program[57]]).into();
    let kinds = program[64..].chunks(56).take(headers).map(|header| header[0]);
    assert!(headers > 0 && kinds.into_iter().all(|kind| kind != 3));
}

#[test]
fn a_kind_that_ends_marks_begin_ready_and_end() {
    let marks = [mark::BEGIN, mark::READY, mark::END];
    for words in [
        &["noop"][..],
        &["syscall", "1000"],
        &["switch", "100"],
        &["fault", "1000"],
        &["read", "100"],
        &["switch", "0"],
    ] {
        let output = ended(words);
        assert_eq!((output.status.code(), &*output.stdout), (Some(0), &marks[..]), "{words:?}");
    }
    let printed = work::checksum_line(work::cpu(12_345));
    let expected = [&[mark::BEGIN, mark::READY], &printed[..], &[mark::END]].concat();
    assert_eq!(ended(&["cpu", "12345"]).stdout, expected);
}

#[test]
fn a_kind_that_holds_ends_when_its_input_does() {
    for words in [&["wait"][..], &["touch", "8"]] {
        let mut child: Child = workload(words).spawn().unwrap();
        let mut marks = [0; 2];
        child.stdout.as_mut().unwrap().read_exact(&mut marks).unwrap();
        assert_eq!(marks, [mark::BEGIN, mark::READY], "{words:?}");
        // What arrives does not end it.
        child.stdin.as_mut().unwrap().write_all(b"not yet").unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(child.try_wait().unwrap().is_none(), "{words:?} holds");
        if words[0] == "touch" {
            // By a walk through its page tables; the counters in `status` lag behind in older kernels.
            let memory = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", child.id())).unwrap();
            let line = memory.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
            let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
            assert!((8 << 10..=9 << 10).contains(&kib), "8 MiB are touched: {kib} KiB");
        }
        drop(child.stdin.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), &*output.stdout), (Some(0), &[mark::END][..]), "{words:?}");
    }
}

#[test]
fn what_it_cannot_do_it_refuses_with_a_sentence() {
    let refused = |words: &[&str], status: i32, sentence: &str| {
        let output = ended(words);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{words:?}: {complaint}");
        assert!(complaint.contains(sentence) && complaint.lines().count() == 1, "{words:?}: {complaint}");
        assert!(!output.stdout.contains(&mark::END), "{words:?}");
    };
    refused(&[], 2, "usage:");
    refused(&["dance"], 2, "usage:");
    refused(&["cpu"], 2, "usage:");
    refused(&["noop", "1"], 2, "usage:");
    refused(&["cpu", "1", "2"], 2, "usage:");
    refused(&["switch"], 2, "usage:");
    refused(&["cross", "1"], 2, "only a unikernel");
    refused(&["touch", "18446744073709551615"], 1, "no mapping of that size");
    refused(&["touch", "100000000"], 1, "no mapping of that size");
}

#[test]
fn it_needs_no_argument_name_and_no_environment() {
    let mut command = workload(&["noop"]);
    command.arg0("").env_clear().stdin(Stdio::null());
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    // Only to read itself it needs to know where it is.
    let mut command = workload(&["read", "1"]);
    let output = command.arg0("").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("leads to no file"), "{output:?}");
}
