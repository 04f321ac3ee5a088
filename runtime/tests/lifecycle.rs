//! The lifecycle of a container: every MUST of the specification's "Runtime and Lifecycle", and what engines ask
//! for besides.

mod common;

use common::bundle::Bundle;
use common::{errors, eventually, folders_named, processes, refusal, text};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::process::Stdio;
use std::thread::scope;

/// Nothing is left of the bundle's container: no state folder, no group, no process.
fn assert_nothing_left(bundle: &Bundle, marker: &str) {
    let state = bundle.beside("state").join(&bundle.id);
    assert!(!state.exists(), "a state folder: {}", state.display());
    assert_eq!(folders_named(&bundle.id), Vec::<std::path::PathBuf>::new());
    eventually("no process is left", || processes(marker).is_empty());
}

/// A command that takes no id must be refused, and one that names nobody.
#[test]
fn an_id_is_needed_and_must_exist() {
    let Some(bundle) = Bundle::new("an_id_is_needed_and_must_exist") else { return };
    for command in ["create", "start", "state", "kill", "delete"] {
        assert!(!bundle.call(&[command]).status.success(), "{command}");
    }
    for command in ["start", "state", "kill", "delete"] {
        let line = refusal(&bundle.call(&[command, "nobody"]), 1);
        assert!(line.contains("nobody does not exist"), "{command}: {line}");
    }
    assert!(bundle.call(&["delete", "--force", "nobody"]).status.success(), "there is nothing to force");
}

#[test]
fn an_id_must_be_a_plain_name() {
    let Some(mut bundle) = Bundle::new("an_id_must_be_a_plain_name") else { return };
    for id in ["a/b", "..", ".", "../state", "a b", "ä", &"x".repeat(300), ""] {
        bundle.id = id.into();
        bundle.write();
        let output = bundle.runtime(&["create", "--bundle"]).arg(bundle.path()).arg("--").arg(id).output();
        let line = refusal(&output.unwrap(), 1);
        assert!(line.contains("is no id"), "{id}: {line}");
    }
    bundle.id = "none".into();
}

#[test]
fn its_life_is_created_running_stopped() {
    let test = "its_life_is_created_running_stopped";
    let Some(mut bundle) = Bundle::script(test, "echo started; read line < /go; exit 5") else { return };
    bundle.config["annotations"] = json!({ "org.example.key": "value", "org.example.empty": "" });
    nix::unistd::mkfifo(&bundle.inside("go"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    bundle.create();

    let state = bundle.state();
    let version = bundle.config["ociVersion"].clone();
    assert_eq!(state["ociVersion"], version);
    assert_eq!(state["id"], *bundle.id);
    assert_eq!(state["status"], "created");
    assert_eq!(state["bundle"], bundle.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(state["annotations"], bundle.config["annotations"]);
    let pid = state["pid"].as_i64().unwrap();
    assert!(fs::metadata(format!("/proc/{pid}")).is_ok());
    assert_eq!(bundle.printed(), "", "the program has not run");
    // What happens to the configuration now must not matter.
    fs::write(bundle.beside("config.json"), "{}").unwrap();

    let line = bundle.must_fail("delete", &[]);
    assert!(line.contains("it is created"), "{line}");
    assert_eq!(bundle.status(), "created", "a refused command has no effect");

    bundle.must("start", &[]);
    eventually("it prints", || bundle.printed() == "started\n");
    assert_eq!(bundle.status(), "running");
    assert_eq!(bundle.state()["pid"], pid, "the first process is the program");
    let line = bundle.must_fail("start", &[]);
    assert!(line.contains("it is running"), "{line}");
    let line = bundle.must_fail("delete", &[]);
    assert!(line.contains("it is running"), "{line}");
    assert_eq!(bundle.status(), "running");

    fs::write(bundle.inside("go"), "\n").unwrap();
    eventually("it stops", || bundle.status() == "stopped");
    for command in ["start", "kill"] {
        let line = bundle.must_fail(command, &[]);
        assert!(line.contains("it is stopped"), "{command}: {line}");
    }
    bundle.must("delete", &[]);
    assert_nothing_left(&bundle, &bundle.id);
    bundle.must_fail("state", &[]);
    // The name is free again.
    bundle.create();
}

#[test]
fn a_signal_reaches_it_by_name_and_by_number() {
    let test = "a_signal_reaches_it_by_name_and_by_number";
    let script =
        "trap 'echo one' USR1; trap 'echo term; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let Some(bundle) = Bundle::script(test, script) else { return };
    bundle.create();
    bundle.must("start", &[]);
    eventually("it is ready", || bundle.printed() == "ready\n");
    for (index, signal) in ["USR1", "SIGUSR1", "10", "usr1"].into_iter().enumerate() {
        bundle.must("kill", &[signal]);
        eventually("it has got the signal", || bundle.printed().lines().count() == index + 2);
    }
    assert!(!bundle.call(&["kill", &bundle.id, "NONSENSE"]).status.success());
    assert!(!bundle.call(&["kill", &bundle.id, "999"]).status.success());
    bundle.must("kill", &[]);
    eventually("it stops", || bundle.status() == "stopped");
    assert!(bundle.printed().ends_with("term\n"), "TERM is the default: {}", bundle.printed());
}

#[test]
fn a_created_one_can_be_killed_and_deleted() {
    let Some(bundle) = Bundle::new("a_created_one_can_be_killed_and_deleted") else { return };
    bundle.create();
    bundle.must("kill", &["KILL"]);
    eventually("it stops", || bundle.status() == "stopped");
    bundle.must("delete", &[]);
    bundle.create();
    bundle.must("delete", &["--force"]);
    assert_nothing_left(&bundle, &bundle.id);
}

#[test]
fn of_many_creates_of_one_id_one_wins_and_of_many_starts_too() {
    let test = "of_many_creates_of_one_id_one_wins_and_of_many_starts_too";
    let Some(bundle) = Bundle::script(test, "echo once; sleep 100") else { return };
    bundle.write();
    let race = |words: &[&str]| {
        let one = || {
            let mut command = bundle.runtime(words);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            u32::from(command.status().unwrap().success())
        };
        scope(|threads| {
            let all: Vec<_> = (0..8).map(|_| threads.spawn(one)).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).sum::<u32>()
        })
    };
    let folder = bundle.path();
    for _ in 0..4 {
        assert_eq!(race(&["create", "--bundle", folder.to_str().unwrap(), &bundle.id]), 1);
        assert_eq!(bundle.status(), "created");
        assert_eq!(race(&["start", &bundle.id]), 1);
        assert_eq!(bundle.status(), "running");
        bundle.must("delete", &["--force"]);
    }
    assert_nothing_left(&bundle, &bundle.id);
}

#[test]
fn a_create_that_fails_half_way_leaves_nothing() {
    let test = "a_create_that_fails_half_way_leaves_nothing";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let good = bundle.config.clone();
    let cases: [(&str, Value, &str); 7] = [
        ("/process/args", json!(["no-such-program"]), "no-such-program"),
        ("/process/cwd", json!("/bin/busybox"), "/bin/busybox"),
        ("/root/path", json!("no-such-root"), "no-such-root"),
        (
            "/mounts/0",
            json!({ "destination": "/x", "type": "bind", "source": "/no/such", "options": ["bind"] }),
            "/x",
        ),
        ("/mounts/0", json!({ "destination": "/x", "type": "no-such-fs", "source": "x" }), "/x"),
        ("/linux/namespaces/0", json!({ "type": "pid", "path": "/no/such/namespace" }), "/no/such/namespace"),
        ("/linux/resources/pids", json!({ "limit": 1 }), ""),
    ];
    for (place, wrong, named) in cases {
        bundle.config = good.clone();
        if place == "/linux/resources/pids" {
            // The one process that it may have cannot call a hook.
            bundle.config["hooks"] = json!({ "createContainer": [{ "path": "/bin/sh", "args": ["sh", "-c", "sh -c true && true"] }] });
            bundle.config["linux"]["resources"]["pids"] = wrong.clone();
        } else {
            *bundle.config.pointer_mut(place).unwrap() = wrong.clone();
        }
        let line = bundle.refuses(&wrong);
        assert!(line.contains(named), "{line}");
        assert_nothing_left(&bundle, &bundle.id);
    }
}

#[test]
fn a_broken_configuration_is_refused_with_its_property() {
    let test = "a_broken_configuration_is_refused_with_its_property";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let good = bundle.config.clone();
    for (property, wrong) in [
        ("ociVersion", json!("")),
        ("ociVersion", json!("invalid")),
        ("ociVersion", json!("2.0.0")),
        ("ociVersion", json!(3)),
        ("root", Value::Null),
        ("process", json!("none")),
        ("process.args", json!([])),
        ("process.cwd", json!("relative")),
        ("process.cwd", Value::Null),
        ("hooks.prestart.path", json!({ "prestart": [{ "path": "relative" }] })),
        ("hooks.poststop.timeout", json!({ "poststop": [{ "path": "/bin/true", "timeout": 0 }] })),
        ("annotations", json!({ "": "x" })),
        ("linux.intelRdt", json!({ "closID": "x" })),
    ] {
        bundle.config = good.clone();
        let mut words = property.split('.');
        let first = words.next().unwrap();
        let place = match words.next() {
            Some(second) if first != "hooks" => &mut bundle.config[first][second],
            _ => &mut bundle.config[first],
        };
        *place = wrong.clone();
        let line = bundle.refuses(&wrong);
        // The reader of JSON names what it was about to read.
        let named = line.contains(property) || line.contains("config.json");
        assert!(named, "{property}: {line}");
        assert_nothing_left(&bundle, &bundle.id);
    }
    bundle.config = good;
    bundle.config["unknown"] = json!({ "property": [1, 2] });
    bundle.config["process"]["unknown"] = json!("property");
    bundle.create();
}

#[test]
fn a_configuration_that_is_no_configuration_is_one_clear_error() {
    let test = "a_configuration_that_is_no_configuration_is_one_clear_error";
    let Some(bundle) = Bundle::new(test) else { return };
    let file = bundle.beside("config.json");
    let create = || {
        let line = refusal(
            &bundle.runtime(&["create", "--bundle"]).arg(bundle.path()).arg(&bundle.id).output().unwrap(),
            1,
        );
        assert!(line.contains("config.json"), "{line}");
        assert!(line.len() < 1000, "{line}");
        assert_nothing_left(&bundle, &bundle.id);
    };
    create();
    let good = bundle.config.to_string();
    for text in ["", "{", "[]", "null", "nonsense", &good[..good.len() / 2], &"[".repeat(100_000)] {
        fs::write(&file, text).unwrap();
        create();
    }
    fs::write(&file, [0xff, 0xfe, 0]).unwrap();
    create();
    // Deep inside a property that nobody knows.
    fs::write(&file, format!("{{\"x\":{}", "[".repeat(1_000_000))).unwrap();
    create();
    let sparse = fs::File::create(&file).unwrap();
    sparse.set_len(1 << 40).unwrap();
    create();
    fs::remove_file(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(fs::metadata(&file).unwrap().file_type().is_fifo());
    create();
    fs::remove_file(&file).unwrap();
    symlink("config.json", &file).unwrap();
    create();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    create();
}

#[test]
fn run_ends_as_the_program_does_and_leaves_nothing() {
    let test = "run_ends_as_the_program_does_and_leaves_nothing";
    let Some(mut bundle) = Bundle::new(test) else { return };
    for (script, status) in [("exit 0", 0), ("exit 7", 7), ("exec sleep 0.01", 0), ("nosuch", 127)] {
        bundle.set_script(script);
        bundle.write();
        let output =
            bundle.runtime(&["run", "--bundle"]).arg(bundle.path()).arg(&bundle.id).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{script}: {}", errors(&output));
        assert_nothing_left(&bundle, &bundle.id);
    }
    bundle.config["process"]["args"] = json!(["/no/such/program"]);
    bundle.write();
    let output = bundle.runtime(&["run", "--bundle"]).arg(bundle.path()).arg(&bundle.id).output().unwrap();
    assert!(refusal(&output, 127).contains("/no/such/program"));
    assert_nothing_left(&bundle, &bundle.id);
}

#[test]
fn a_detached_run_lives_on() {
    let Some(bundle) = Bundle::script("a_detached_run_lives_on", "exec sleep 100") else { return };
    bundle.write();
    let pid_file = bundle.beside("pid");
    let mut command = bundle.runtime(&["run", "--detach", "--pid-file"]);
    command.arg(&pid_file).arg("--bundle").arg(bundle.path()).arg(&bundle.id);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
    assert_eq!(bundle.status(), "running");
    assert_eq!(fs::read_to_string(&pid_file).unwrap(), bundle.pid().to_string());
    bundle.must("kill", &["KILL"]);
    eventually("it stops", || bundle.status() == "stopped");
    bundle.must("delete", &[]);
    assert_nothing_left(&bundle, &bundle.id);
}

#[test]
fn containers_are_listed() {
    let Some(bundle) = Bundle::new("containers_are_listed") else { return };
    assert_eq!(text(&bundle.call(&["list", "--quiet"])), "");
    bundle.create();
    assert_eq!(text(&bundle.call(&["list", "-q"])), format!("{}\n", bundle.id));
    let table = text(&bundle.call(&["list"]));
    assert!(table.starts_with("ID ") && table.contains(&bundle.id) && table.contains("created"), "{table}");
    let all: Value = serde_json::from_str(&text(&bundle.call(&["list", "--format", "json"]))).unwrap();
    assert_eq!(all[0]["id"], *bundle.id);
    assert_eq!(all[0]["status"], "created");
}

#[test]
fn errors_go_to_the_log_in_the_form_that_is_asked_for() {
    let test = "errors_go_to_the_log_in_the_form_that_is_asked_for";
    let Some(bundle) = Bundle::new(test) else { return };
    let log = bundle.beside("log");
    for format in ["json", "text"] {
        let words = ["--log", log.to_str().unwrap(), "--log-format", format, "state", "nobody"];
        refusal(&bundle.call(&words), 1);
    }
    let lines = fs::read_to_string(&log).unwrap();
    let (first, second) = lines.trim_end().split_once('\n').unwrap();
    let first: Value = serde_json::from_str(first).unwrap();
    assert_eq!(first["level"], "error");
    assert!(first["msg"].as_str().unwrap().contains("nobody does not exist"));
    assert!(first["time"].as_str().unwrap().ends_with('Z'));
    assert!(second.starts_with("time=\"") && second.contains("level=error msg=\""), "{second}");
    let line = refusal(&bundle.call(&["--systemd-cgroup", "list"]), 1);
    assert!(line.contains("cgroupfs"), "{line}");
}

#[test]
fn a_state_that_cannot_be_read_says_what_to_do() {
    let test = "a_state_that_cannot_be_read_says_what_to_do";
    let Some(bundle) = Bundle::script(test, "exec sleep 100") else { return };
    bundle.create();
    bundle.must("start", &[]);
    let file = bundle.beside("state").join(&bundle.id).join("state.json");
    let whole = fs::read(&file).unwrap();
    for text in [&whole[..whole.len() / 2], b"", b"[]"] {
        fs::write(&file, text).unwrap();
        for command in ["state", "start", "kill", "delete"] {
            let line = bundle.must_fail(command, &[]);
            assert!(line.contains("delete --force"), "{command}: {line}");
        }
    }
    bundle.must("delete", &["--force"]);
    assert_nothing_left(&bundle, &bundle.id);
}

#[test]
fn it_keeps_the_descriptors_that_it_is_given_and_no_other() {
    let test = "it_keeps_the_descriptors_that_it_is_given_and_no_other";
    let Some(bundle) = Bundle::script(test, "ls /proc/self/fd; cat <&3") else { return };
    bundle.write();
    fs::write(bundle.beside("input"), "given\n").unwrap();
    let script = r#"exec 3<"$1" 4</etc 9</etc; shift; exec "$0" "$@""#;
    let run = |count: &str| {
        let mut command = std::process::Command::new("bash");
        command.args(["-c", script, common::RUNTIME]).arg(bundle.beside("input"));
        command.arg("--root").arg(bundle.beside("state")).args(["run", "--preserve-fds", count, "--bundle"]);
        text(&command.arg(bundle.path()).arg(&bundle.id).output().unwrap())
    };
    // The last is the one by which `ls` reads the folder.
    assert_eq!(run("1"), "0\n1\n2\n3\n4\ngiven\n");
    assert_eq!(run("2"), "0\n1\n2\n3\n4\n5\ngiven\n");
}

/// `KEY_POS_ALL` of the kernel's `linux/key.h`.
const ALL_FOR_WHO_IS_IN: u32 = 0x3f00_0000;

#[test]
fn its_session_keyring_is_its_own() {
    let test = "its_session_keyring_is_its_own";
    let Some(bundle) = Bundle::script(test, "cat /proc/keys") else { return };
    if fs::metadata("/proc/keys").is_err() {
        return common::skipped(test, "this kernel has no keys");
    }
    let mut bundle = bundle;
    bundle.config["linux"]["maskedPaths"] = json!([]);
    bundle.write();
    let run = |option: &[&str]| {
        let mut command = bundle.runtime(&["run", "--bundle"]);
        text(&command.arg(bundle.path()).args(option).arg(&bundle.id).output().unwrap())
    };
    // A keyring of this thread that only who is in it can see.
    let name = c"isolab-lifecycle";
    // SAFETY: the first call reads the name, the second none of this process's memory.
    let made = unsafe {
        let serial = libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, name.as_ptr());
        libc::syscall(libc::SYS_keyctl, libc::KEYCTL_SETPERM, serial, ALL_FOR_WHO_IS_IN)
    };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    let name = name.to_str().unwrap();
    assert!(run(&["--no-new-keyring"]).contains(name));
    let own = run(&[]);
    assert!(own.contains("keyring") && !own.contains(name), "{own}");
}
