//! config.md, "Process", "POSIX process", "User", and the Linux process's attributes.

use crate::common::bundle::Bundle;
use serde_json::json;
use std::fs;

/// Cwd: "This value MUST be an absolute path", and the program is there.
#[test]
fn the_program_starts_in_its_folder() {
    let Some(mut bundle) = Bundle::new("process_cwd") else { return };
    fs::create_dir_all(bundle.inside("work/here")).unwrap();
    bundle.config["process"]["cwd"] = json!("/work/here");
    assert_eq!(bundle.says("pwd; readlink /proc/self/cwd"), "/work/here\n/work/here\n");
}

/// Env: the configured variables; engines rely on a HOME when they give none, which is the user's of /etc/passwd.
#[test]
fn the_environment_is_the_configured_one() {
    let Some(mut bundle) = Bundle::new("process_env") else { return };
    bundle.config["process"]["env"] = json!(["PATH=/bin", "A=1=2", "EMPTY=", "SPACE=a b"]);
    bundle.config["process"]["args"] = json!(["busybox", "env"]);
    assert_eq!(bundle.lives(), "PATH=/bin\nA=1=2\nEMPTY=\nSPACE=a b\nHOME=/\n");
    bundle.config["process"]["env"] = json!(["PATH=/bin", "HOME=/elsewhere"]);
    assert_eq!(bundle.lives(), "PATH=/bin\nHOME=/elsewhere\n");
}

/// Args: "the same semantics as execvp's file": along PATH of the process, or a path; argv as given.
#[test]
fn the_program_is_found_as_execvp_finds_it() {
    let Some(mut bundle) = Bundle::new("process_args") else { return };
    fs::create_dir(bundle.inside("own")).unwrap();
    crate::common::copy_program(bundle.inside("bin/busybox"), bundle.inside("own/echo"));
    bundle.config["process"]["env"] = json!(["PATH=/none:/own"]);
    bundle.config["process"]["args"] = json!(["echo", "two words", "", "*"]);
    assert_eq!(bundle.lives(), "two words  *\n");
    bundle.config["process"]["args"] = json!(["/own/echo", "by path"]);
    assert_eq!(bundle.lives(), "by path\n");
    bundle.config["process"]["args"] = json!(["own/echo", "relative"]);
    assert_eq!(bundle.lives(), "relative\n");
}

/// A program that is not there, is a folder, or may not be executed: an error before the container is created.
#[test]
fn what_cannot_be_executed_is_refused() {
    let Some(mut bundle) = Bundle::new("process_missing") else { return };
    fs::write(bundle.inside("bin/text"), "no program").unwrap();
    for wrong in ["no-such-program", "/no/such/program", "/bin", "text"] {
        bundle.config["process"]["args"] = json!([wrong]);
        let line = bundle.refuses(wrong);
        assert!(line.contains(wrong), "{line}");
    }
}

/// User: uid, gid, additionalGids (duplicates stay), umask.
#[test]
fn the_program_runs_as_its_user() {
    let Some(mut bundle) = Bundle::new("process_user") else { return };
    bundle.config["process"]["user"] =
        json!({ "uid": 10, "gid": 20, "additionalGids": [5, 7, 7], "umask": 2 });
    let said = bundle.says("id -u; id -g; grep ^Groups /proc/self/status; umask");
    assert_eq!(said, "10\n20\nGroups:\t5 7 7 \n0002\n");
    bundle.config["process"]["user"] = json!({ "uid": 0, "gid": 0 });
    assert_eq!(bundle.says("id -u; id -g; grep ^Groups /proc/self/status"), "0\n0\nGroups:\t \n");
}

/// Rlimits: "`rlim_cur` MUST match", "`rlim_max` MUST match".
#[test]
fn limits_of_the_process_match() {
    let Some(mut bundle) = Bundle::new("process_rlimits") else { return };
    let giga = 1u64 << 30;
    bundle.config["process"]["rlimits"] = json!([
        { "type": "RLIMIT_AS", "hard": 2 * giga, "soft": giga },
        { "type": "RLIMIT_CORE", "hard": 4 * giga, "soft": 3 * giga },
        { "type": "RLIMIT_DATA", "hard": 6 * giga, "soft": 5 * giga },
        { "type": "RLIMIT_FSIZE", "hard": 8 * giga, "soft": 7 * giga },
        { "type": "RLIMIT_STACK", "hard": 10 * giga, "soft": 9 * giga },
        { "type": "RLIMIT_CPU", "hard": 120, "soft": 60 },
        { "type": "RLIMIT_NOFILE", "hard": 4000, "soft": 3000 }
    ]);
    let said = bundle.says("cat /proc/self/limits");
    for (name, soft, hard) in [
        ("Max address space", giga, 2 * giga),
        ("Max core file size", 3 * giga, 4 * giga),
        ("Max data size", 5 * giga, 6 * giga),
        ("Max file size", 7 * giga, 8 * giga),
        ("Max stack size", 9 * giga, 10 * giga),
        ("Max cpu time", 60, 120),
        ("Max open files", 3000, 4000),
    ] {
        let line = said.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        let words: Vec<_> = line[name.len()..].split_whitespace().take(2).collect();
        assert_eq!(words, [soft.to_string(), hard.to_string()], "{line}");
    }
}

/// A limit on open files may be lower than what the runtime itself has open until then.
#[test]
fn a_low_limit_on_open_files_is_met() {
    let Some(mut bundle) = Bundle::new("process_files") else { return };
    let limit = |soft: u64, hard: u64| json!([{ "type": "RLIMIT_NOFILE", "hard": hard, "soft": soft }]);
    for (soft, hard) in [(3, 3), (5, 1024), (26, 26), (63, 64), (64, 64)] {
        for no_new_privileges in [true, false] {
            bundle.config["process"]["noNewPrivileges"] = json!(no_new_privileges);
            bundle.config["process"]["user"]["uid"] = json!(if no_new_privileges { 10 } else { 0 });
            bundle.config["process"]["rlimits"] = limit(soft, hard);
            assert_eq!(bundle.says("ulimit -n; ulimit -Hn"), format!("{soft}\n{hard}\n"));
        }
    }
    // What has to run with them has room, or is refused before anything is made.
    bundle.config["hooks"] = json!({ "startContainer": [{ "path": "/bin/true" }] });
    assert!(bundle.says("ulimit -n").starts_with("64"));
    bundle.config["process"]["rlimits"] = limit(10, 10);
    assert!(bundle.refuses("hooks with 10 files").contains("startContainer"));
}

/// "The runtime MUST generate an error for any values which cannot be mapped to a relevant kernel interface"; "If rlimits
/// contains duplicated entries with same type, the runtime MUST generate an error."
#[test]
fn unknown_impossible_and_double_limits_are_errors() {
    let Some(mut bundle) = Bundle::new("process_rlimits_wrong") else { return };
    let one = json!({ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 });
    for wrong in [
        json!([{ "type": "RLIMIT_TEST", "hard": 1024, "soft": 1024 }]),
        json!([{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 2048 }]),
        json!([{ "type": "RLIMIT_NOFILE", "hard": u64::MAX, "soft": u64::MAX }]),
        json!([one, one]),
    ] {
        bundle.config["process"]["rlimits"] = wrong;
        bundle.refuses(&bundle.config["process"]["rlimits"]);
    }
}

/// noNewPrivileges, both ways.
#[test]
fn new_privileges_are_as_configured() {
    let Some(mut bundle) = Bundle::new("process_nnp") else { return };
    for (wanted, shown) in [(true, "1"), (false, "0")] {
        bundle.config["process"]["noNewPrivileges"] = json!(wanted);
        assert_eq!(bundle.says("grep ^NoNewPrivs /proc/self/status"), format!("NoNewPrivs:\t{shown}\n"));
    }
}

/// "If oomScoreAdj is set, the runtime MUST set `oom_score_adj` to the given value. If oomScoreAdj is not set, the runtime MUST
/// NOT change the value of `oom_score_adj`."
#[test]
fn the_oom_score_is_set_or_left_alone() {
    let Some(mut bundle) = Bundle::new("process_oom") else { return };
    let own = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    assert_eq!(bundle.says("cat /proc/self/oom_score_adj"), own);
    bundle.config["process"]["oomScoreAdj"] = json!(500);
    assert_eq!(bundle.says("cat /proc/self/oom_score_adj"), "500\n");
    for wrong in [1001, -1001] {
        bundle.config["process"]["oomScoreAdj"] = json!(wrong);
        bundle.refuses(wrong);
    }
}

/// Scheduler: policy and nice value of the process.
#[test]
fn the_scheduler_is_set() {
    let Some(mut bundle) = Bundle::new("process_scheduler") else { return };
    for (policy, number) in [("SCHED_OTHER", "0"), ("SCHED_BATCH", "3")] {
        bundle.config["process"]["scheduler"] = json!({ "policy": policy, "nice": 1 });
        // Fields 41 and 19 of proc(5)'s stat: policy and nice value.
        let said = bundle.says("awk '{ print $41, $19 }' /proc/self/stat");
        assert_eq!(said, format!("{number} 1\n"), "{policy}");
    }
    for wrong in [json!({ "policy": "SCHED_NONE" }), json!({ "policy": "SCHED_FIFO", "priority": 1000 })] {
        bundle.config["process"]["scheduler"] = wrong;
        bundle.refuses(&bundle.config["process"]["scheduler"]);
    }
}

/// "flags": each by the name that the specification gives it.
#[test]
fn the_scheduler_has_its_flags() {
    let Some(mut bundle) = Bundle::new("process_scheduler_flags") else { return };
    bundle.config["process"]["args"] = json!(["sleep", "1000"]);
    for (flags, reset) in [(json!([]), 0), (json!(["SCHED_FLAG_RESET_ON_FORK"]), libc::SCHED_RESET_ON_FORK)] {
        bundle.config["process"]["scheduler"] = json!({ "policy": "SCHED_BATCH", "flags": flags });
        bundle.create();
        // SAFETY: a number and no pointer.
        let policy = unsafe { libc::sched_getscheduler(bundle.pid() as i32) };
        assert_eq!(policy, libc::SCHED_BATCH | reset, "{flags}");
        bundle.must("delete", &["--force"]);
    }
    bundle.config["process"]["scheduler"] = json!({ "policy": "SCHED_DEADLINE", "flags": ["SCHED_FLAG_DL_OVERRUN"],
        "runtime": 10_000_000, "deadline": 100_000_000, "period": 100_000_000 });
    let created = bundle.create_with(&[]);
    if created.status.success() {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sched_getscheduler(bundle.pid() as i32) }, libc::SCHED_DEADLINE);
        bundle.must("delete", &["--force"]);
    } else {
        let line = crate::common::refusal(&created, 1);
        assert!(line.contains("process.scheduler: "), "the name is unknown: {line}");
        crate::common::skipped(
            "the_scheduler_has_its_flags",
            &format!("no deadline is to be had: {}", line.trim()),
        );
    }
    bundle.config["process"]["scheduler"] = json!({ "policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_TEST"] });
    assert!(bundle.refuses("SCHED_FLAG_TEST").contains("SCHED_FLAG_TEST"));
}

/// `IOPriority`: class and level.
#[test]
fn the_io_priority_is_set() {
    let Some(mut bundle) = Bundle::new("process_ioprio") else { return };
    for (class, level, shown) in [
        ("IOPRIO_CLASS_BE", 2, "best-effort: prio 2"),
        ("IOPRIO_CLASS_RT", 1, "realtime: prio 1"),
        ("IOPRIO_CLASS_IDLE", 3, "idle"),
    ] {
        bundle.config["process"]["ioPriority"] = json!({ "class": class, "priority": level });
        bundle.config["process"]["args"] = json!(["busybox", "ionice", "-p", "1"]);
        assert_eq!(bundle.lives().trim(), shown, "{class}");
    }
    bundle.config["process"]["ioPriority"] = json!({ "class": "IOPRIO_CLASS_BE", "priority": 9 });
    bundle.refuses("priority 9");
}

/// "Runtimes MUST ignore consoleSize if terminal is false or unset."
#[test]
fn a_console_size_without_a_terminal_is_ignored() {
    let Some(mut bundle) = Bundle::new("process_console_size") else { return };
    bundle.config["process"]["consoleSize"] = json!({ "height": 25, "width": 80 });
    bundle.lives();
}

/// A terminal is given to the engine over the console socket: create with one, and without, is an error.
#[test]
fn a_terminal_wants_a_console_socket() {
    let Some(mut bundle) = Bundle::new("process_terminal") else { return };
    bundle.config["process"]["terminal"] = json!(true);
    let line = bundle.refuses("no console socket");
    assert!(line.contains("console-socket"), "{line}");
}
