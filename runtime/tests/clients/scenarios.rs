//! What is asked of podman and of Docker alike.

use crate::common::{errors, eventually, text};
use crate::engine::Engine;
use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};

/// Prints the limit on memory.
const LIMIT: &str =
    "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max";
/// Becomes ever larger.
pub const HOG: &str = r#"BEGIN { while (1) a[i++] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" i }"#;
/// Says what terminal it has, when that has its size.
const TALK: &str = r#"tty; until [ "$(stty size)" = "33 77" ]; do sleep 0.05; done; echo ready; read word;
    echo got $word; test -t 2 && echo the end; exit 5"#;
/// Ends politely.
const POLITE: &str =
    "trap 'echo asked; exit 143' TERM; trap 'echo again' HUP; echo ready; while :; do sleep 0.05; done";

fn status(output: &Output) -> i32 {
    output.status.code().expect("the client ends by itself")
}

pub fn its_words_and_its_status_come_back(engine: &Engine) {
    let full = std::env::var("ISOLAB_TIER").is_ok_and(|tier| tier == "full");
    for code in 0..if full { 100 } else { 4 } {
        let output = engine.run(&[], &["sh", "-c", &format!("echo out; echo err >&2; exit {code}")]);
        assert_eq!((status(&output), &*text(&output), &*errors(&output)), (code, "out\n", "err\n"));
    }
    let (mut inside, input) = (engine.command(&[]), "typed\n");
    let run: Vec<_> = engine.run.iter().map(String::as_str).collect();
    inside.args([&["run", "--rm", "-i"], &run[..], &[crate::engine::IMAGE, "cat"]].concat());
    let mut child = inside.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((status(&output), &*text(&output)), (0, input));
}

pub fn what_cannot_be_executed_has_the_usual_status(engine: &Engine) {
    for (program, expected) in
        [("no-such-program", 127), ("/no/such/program", 127), ("/etc/passwd", 126), ("/etc", 126)]
    {
        let output = engine.run(&[], &[program]);
        assert_eq!(status(&output), expected, "{program}: {}", errors(&output));
        assert!(errors(&output).contains(program), "{}", errors(&output));
    }
    let output = engine.run(&["-w", "/etc/passwd"], &["true"]);
    assert!([125, 126].contains(&status(&output)), "{}", errors(&output));
}

pub fn exec_enters_a_running_one(engine: &Engine) {
    let container = engine.detach(&[], &["sleep", "1000"]);
    let exec = |options: &[&str], script: &str| {
        let output = container.exec(options, &["sh", "-c", script]);
        (status(&output), text(&output))
    };
    assert_eq!(exec(&[], "echo inside; cat /proc/1/comm; exit 7"), (7, "inside\nsleep\n".into()));
    let user = exec(&["-u", "1234:55", "-w", "/tmp", "-e", "A=b"], "id -u; id -g; pwd; echo $A");
    assert_eq!(user, (0, "1234\n55\n/tmp\nb\n".into()));
    assert_eq!(exec(&["-u", "friend"], "id -u"), (0, "1234\n".into()));
    // Docker 20.10 has one status for both.
    for (program, expected) in [("no-such-program", 126..=127), ("/etc/passwd", 126..=126)] {
        let output = container.exec(&[], &[program]);
        assert!(expected.contains(&status(&output)), "{program}: {}", errors(&output));
    }
    let mut command = engine.command(&["exec", "-i", &container.id, "cat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap()), "typed\n");
    assert_eq!(status(&container.exec(&["-d"], &["touch", "/tmp/detached"])), 0);
    eventually("the detached one has run", || {
        status(&container.exec(&[], &["test", "-e", "/tmp/detached"])) == 0
    });
    container.must(&["kill"], &[]);
    container.must(&["wait"], &[]);
    assert_ne!(status(&container.exec(&[], &["true"])), 0, "it has ended");
    container.remove();
}

pub fn stop_asks_and_then_kills(engine: &Engine) {
    let polite = engine.detach(&[], &["sh", "-c", POLITE]);
    polite.has_said("ready");
    polite.must(&["kill", "-s", "HUP"], &[]);
    polite.has_said("again");
    assert_eq!(polite.field(".State.Status"), "running");
    polite.must(&["stop"], &[]);
    assert_eq!(polite.must(&["wait"], &[]), "143\n");
    assert_eq!(polite.must(&["logs"], &[]), "ready\nagain\nasked\n");
    assert_eq!(polite.field(".State.ExitCode"), "143");
    // A second life.
    polite.must(&["start"], &[]);
    polite.must(&["kill"], &[]);
    assert_eq!(polite.must(&["wait"], &[]), "137\n");
    polite.remove();
    // The kernel gives a first process no signal that it does not handle.
    let deaf = engine.detach(&[], &["sleep", "1000"]);
    deaf.must(&["stop", "-t", "1"], &[]);
    assert_eq!(deaf.must(&["wait"], &[]), "137\n");
    deaf.remove();
    let running = engine.detach(&[], &["sleep", "1000"]);
    assert!(!engine.call(&["rm", &running.id]).status.success(), "it is running");
    running.must(&["kill"], &[]);
    running.must(&["wait"], &[]);
    running.remove();
}

pub fn memory_is_limited(engine: &Engine) {
    assert_eq!(engine.says(&["--memory", "32m"], LIMIT), "33554432\n");
    let output = engine.run(&["--memory", "32m"], &["awk", HOG]);
    assert_eq!(status(&output), 137, "{}", errors(&output));
    let output = engine.run(&["--memory", "256m"], &["sh", "-c", "head -c 33554432 /dev/zero | wc -c"]);
    assert_eq!((status(&output), text(&output)), (0, "33554432\n".into()));
}

pub fn processes_are_limited(engine: &Engine) {
    let script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait; echo all";
    let said = engine.says(&["--pids-limit", "6"], script);
    assert!(said.contains("can't fork"), "{said}");
    assert_eq!(engine.says(&["--pids-limit", "20"], script), "all\n");
}

pub fn a_terminal_is_given_and_has_its_size(engine: &Engine) {
    let said = engine.run_on_terminal(TALK);
    assert!(said.contains("/dev/pts/0\n") && said.contains("got word\n"), "{said}");
    let container = engine.detach(&[], &["sleep", "1000"]);
    let said = Engine::talk(engine.command(&["exec", "-it", &container.id, "sh", "-c", TALK]));
    assert!(said.contains("/dev/pts/0\n") && said.contains("got word\n"), "{said}");
    container.must(&["kill"], &[]);
    container.must(&["wait"], &[]);
    container.remove();
}

pub fn volumes_are_there(engine: &Engine) {
    let volume = engine.place.file("volume");
    fs::create_dir(&volume).unwrap();
    fs::write(volume.join("file"), "of the host\n").unwrap();
    let [writable, read_only] = ["", ":ro"].map(|option| format!("{}:/volume{option}", volume.display()));
    let said = engine.says(&["-v", &writable], "cat /volume/file; echo of the container > /volume/new");
    assert_eq!(said, "of the host\n");
    assert_eq!(fs::read_to_string(volume.join("new")).unwrap(), "of the container\n");
    let said = engine.says(&["-v", &read_only], "cat /volume/file; echo x > /volume/file");
    assert!(said.starts_with("of the host\n") && said.contains("Read-only file system"), "{said}");
    assert_eq!(fs::read_to_string(volume.join("file")).unwrap(), "of the host\n");
}

pub fn the_root_is_read_only_where_asked(engine: &Engine) {
    assert_eq!(engine.says(&[], "touch /file && echo made"), "made\n");
    let said = engine
        .says(&["--read-only", "--tmpfs", "/tmp"], "touch /file; touch /tmp/file /dev/shm/file && echo made");
    assert!(said.contains("/file: Read-only file system") && said.ends_with("made\n"), "{said}");
}

pub fn the_user_is_as_asked(engine: &Engine) {
    let show = "id -u; id -G; grep -E 'CapEff|NoNewPrivs' /proc/self/status | tr -d '\\t'";
    let said =
        engine.says(&["-u", "1234:55", "--group-add", "77", "--security-opt", "no-new-privileges"], show);
    assert_eq!(said, "1234\n55 77\nCapEff:0000000000000000\nNoNewPrivs:1\n");
    assert_eq!(
        engine.says(&["-u", "friend"], "id -u; touch /etc/file"),
        "1234\ntouch: /etc/file: Permission denied\n"
    );
    let said = engine.says(&["--cap-drop", "all", "--cap-add", "net_raw"], show);
    assert!(said.contains("CapEff:0000000000002000\nNoNewPrivs:0"), "{said}");
}

pub fn its_use_comes_from_its_group(engine: &Engine) {
    let container = engine.detach(&["--memory", "64m"], &["sh", "-c", "sleep 1000 & sleep 1000 & wait"]);
    let stats = || container.must(&["stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}"], &[]);
    eventually("three processes are counted", || stats().starts_with("3 "));
    let usage = stats();
    assert!(usage.contains("/ 64MiB") || usage.contains("/ 67.11MB"), "{usage}");
    let table = container.must(&["top"], &[]);
    assert_eq!(table.lines().filter(|line| line.contains("sleep 1000")).count(), 3, "{table}");
    container.must(&["pause"], &[]);
    assert_eq!(container.field(".State.Status"), "paused");
    assert_ne!(status(&container.exec(&[], &["true"])), 0, "it is paused");
    container.must(&["unpause"], &[]);
    assert_eq!(status(&container.exec(&[], &["true"])), 0);
    container.must(&["kill"], &[]);
    container.must(&["wait"], &[]);
    container.remove();
}
