//! config.md, "POSIX-platform Hooks", and the lifecycle's steps 3 to 5, 7, 9 and 13.

use crate::common::bundle::Bundle;
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

const POINTS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// A hook that runs a shell script.
fn hook(script: &str) -> Value {
    json!({ "path": "/bin/sh", "args": ["sh", "-c", script] })
}

/// A bundle of which every hook appends its name to `/log` of the root, in two of each point, and then its process.
fn logging(test: &str) -> Option<Bundle> {
    let mut bundle = Bundle::script(test, "echo process >> /log")?;
    let log = bundle.inside("log");
    for point in POINTS {
        // The hooks of startContainer run in the container, where the log lies elsewhere.
        let path = if point == "startContainer" { "/log".into() } else { log.display().to_string() };
        let hooks = ["1", "2"].map(|number| hook(&format!("echo {point}{number} >> {path}")));
        bundle.config["hooks"][point] = json!(hooks);
    }
    Some(bundle)
}

fn log(bundle: &Bundle) -> Vec<String> {
    fs::read_to_string(bundle.inside("log")).unwrap_or_default().lines().map(str::to_string).collect()
}

fn twice(points: &[&str]) -> Vec<String> {
    points.iter().flat_map(|point| ["1", "2"].map(|number| format!("{point}{number}"))).collect()
}

/// "Hooks MUST be called in the listed order", and each point in its place of the lifecycle: prestart, createRuntime and
/// createContainer within create; startContainer, the process and poststart within start; poststop within delete.
#[test]
fn hooks_run_in_order_and_in_their_place() {
    let Some(bundle) = logging("hooks_order") else { return };
    bundle.create();
    assert_eq!(log(&bundle), twice(&["prestart", "createRuntime", "createContainer"]));
    bundle.must("start", &[]);
    bundle.wait();
    let all = log(&bundle);
    assert_eq!(all[6..8], ["startContainer1", "startContainer2"], "{all:?}");
    // The process and the poststart hooks run side by side, but these come after the program has been executed.
    let mut rest = all[8..].to_vec();
    rest.sort();
    assert_eq!(rest, ["poststart1", "poststart2", "process"]);
    bundle.must("delete", &[]);
    assert_eq!(log(&bundle)[11..], ["poststop1", "poststop2"]);
}

/// "The state of the container MUST be passed to hooks over stdin."
#[test]
fn every_hook_gets_the_state() {
    let Some(mut bundle) = Bundle::script("hooks_state", "sleep 60") else { return };
    bundle.config["annotations"] = json!({ "org.example.key": "value" });
    for point in POINTS {
        let file = if point == "startContainer" {
            format!("/{point}")
        } else {
            bundle.inside(point).display().to_string()
        };
        bundle.config["hooks"][point] = json!([hook(&format!("cat > {file}"))]);
    }
    bundle.create();
    let pid = bundle.pid();
    bundle.must("start", &[]);
    bundle.must("kill", &["KILL"]);
    bundle.must("delete", &[]);
    // The statuses of the lifecycle: created after step 2, running after the program's execution, stopped after its end.
    let statuses = ["created", "created", "created", "created", "running", "stopped"];
    for (point, status) in POINTS.into_iter().zip(statuses) {
        let text = fs::read_to_string(bundle.inside(point)).unwrap();
        let state: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{point}: {error}: {text}"));
        assert_eq!(state["id"], json!(bundle.id), "{point}");
        assert_eq!(state["status"], status, "{point}");
        assert_eq!(state["bundle"].as_str().map(std::path::PathBuf::from), Some(bundle.path()), "{point}");
        assert_eq!(state["annotations"], json!({ "org.example.key": "value" }), "{point}");
        assert!(state["ociVersion"].is_string(), "{point}");
        if ["prestart", "createRuntime", "poststart"].contains(&point) {
            assert_eq!(state["pid"], json!(pid), "{point}");
        }
    }
}

/// prestart, createRuntime, poststart and poststop run in the runtime's namespaces; createContainer in the container's,
/// with the host's root still in view; startContainer in the container.
#[test]
fn hooks_run_in_the_specified_namespaces() {
    let Some(mut bundle) = Bundle::script("hooks_namespaces", "readlink /proc/self/ns/uts") else { return };
    bundle.config["root"]["readonly"] = json!(false);
    for point in POINTS {
        let file = if point == "startContainer" {
            format!("/{point}")
        } else {
            bundle.inside(point).display().to_string()
        };
        bundle.config["hooks"][point] = json!([hook(&format!("readlink /proc/self/ns/uts > {file}"))]);
    }
    let container = bundle.lives();
    let host = format!("{}\n", fs::read_link("/proc/self/ns/uts").unwrap().display());
    assert_ne!(container, host);
    for point in POINTS {
        let seen = fs::read_to_string(bundle.inside(point)).unwrap();
        let expected =
            if ["createContainer", "startContainer"].contains(&point) { &container } else { &host };
        assert_eq!(&seen, expected, "{point}");
    }
}

/// Steps 3 to 5: "If any … hook fails, the runtime MUST generate an error, stop the container, and continue the lifecycle
/// at step 12": nothing is left, the later hooks are not run, the poststop hooks are.
#[test]
fn a_failing_hook_of_create_undoes_it() {
    for (index, point) in POINTS.into_iter().enumerate().take(3) {
        let Some(mut bundle) = logging("hooks_create_fail") else { return };
        let script = format!("echo {point}-failing >> {}; exit 3", bundle.inside("log").display());
        bundle.config["hooks"][point].as_array_mut().unwrap().insert(1, hook(&script));
        let line = bundle.refuses(point);
        assert!(line.contains(point), "{line}");
        let mut expected = twice(&POINTS[..index]);
        expected.extend([format!("{point}1"), format!("{point}-failing")]);
        expected.extend(twice(&["poststop"]));
        assert_eq!(log(&bundle), expected, "{point}");
    }
}

/// Step 7: a failing startContainer hook: start fails, the program never runs, the container is destroyed.
#[test]
fn a_failing_start_container_hook_stops_the_container() {
    let Some(mut bundle) = logging("hooks_start_fail") else { return };
    bundle.config["hooks"]["startContainer"] = json!([hook("exit 3")]);
    bundle.create();
    let line = bundle.must_fail("start", &[]);
    assert!(line.contains("startContainer"), "{line}");
    let log = log(&bundle);
    assert!(!log.iter().any(|line| line == "process" || line.starts_with("poststart")), "{log:?}");
    assert!(log.ends_with(&twice(&["poststop"])), "{log:?}");
}

/// Step 9: "If any poststart hook fails, the runtime MUST generate an error, stop the container, and continue the lifecycle
/// at step 12."
#[test]
fn a_failing_poststart_hook_stops_the_container() {
    let Some(mut bundle) = logging("hooks_poststart_fail") else { return };
    bundle.set_script("sleep 60");
    bundle.config["hooks"]["poststart"].as_array_mut().unwrap().insert(1, hook("exit 3"));
    bundle.create();
    let pid = bundle.pid();
    let line = bundle.must_fail("start", &[]);
    assert!(line.contains("poststart"), "{line}");
    assert!(!fs::exists(format!("/proc/{pid}/root/bin")).unwrap(), "the container still runs");
    let log = log(&bundle);
    assert!(log.contains(&"poststart1".into()) && !log.contains(&"poststart2".into()), "{log:?}");
    assert!(log.ends_with(&twice(&["poststop"])), "{log:?}");
}

/// Step 13: "If any poststop hook fails, the runtime MUST log a warning, but the remaining hooks and lifecycle continue as
/// if the hook had succeeded."
#[test]
fn a_failing_poststop_hook_is_a_warning() {
    let Some(mut bundle) = logging("hooks_poststop_fail") else { return };
    bundle.config["hooks"]["poststop"].as_array_mut().unwrap().insert(1, hook("exit 3"));
    bundle.create();
    bundle.must("start", &[]);
    bundle.wait();
    let file = bundle.beside("log.json");
    let words = ["--log", file.to_str().unwrap(), "--log-format", "json", "delete", &bundle.id];
    assert!(bundle.call(&words).status.success());
    let logged = fs::read_to_string(file).unwrap();
    assert!(logged.contains("\"warning\"") && logged.contains("poststop"), "{logged}");
    assert!(log(&bundle).ends_with(&twice(&["poststop"])));
    bundle.must_fail("state", &[]);
}

/// "path … MUST be absolute"; "If set, timeout MUST be greater than zero"; a file that is not there is a failing hook.
#[test]
fn a_broken_hook_is_an_error() {
    let Some(mut bundle) = Bundle::new("hooks_broken") else { return };
    for (hook, word) in [
        (json!({ "path": "bin/sh" }), "absolute"),
        (json!({ "path": "/bin/true", "timeout": 0 }), "timeout"),
        (json!({ "path": "/bin/true", "timeout": -1 }), "timeout"),
        (json!({ "path": "/no/such/hook" }), "/no/such/hook"),
    ] {
        bundle.config["hooks"] = json!({ "createRuntime": [hook] });
        let line = bundle.refuses(&bundle.config["hooks"]);
        assert!(line.contains(word), "{hook}: {line}");
    }
}

/// "timeout is the number of seconds before aborting the hook": it is killed, and has failed.
#[test]
fn a_hook_that_takes_too_long_is_aborted() {
    let Some(mut bundle) = Bundle::new("hooks_timeout") else { return };
    bundle.config["hooks"] = json!({ "createRuntime": [
        { "path": "/bin/sh", "args": ["sh", "-c", "exec sleep 600"], "timeout": 1 }
    ] });
    let start = Instant::now();
    let line = bundle.refuses("a hook without end");
    assert!(start.elapsed().as_secs() < 60, "it waited for the hook");
    assert!(line.contains("createRuntime"), "{line}");
}

/// "args … with the same semantics as execv's argv" and "env … as environ".
#[test]
fn a_hook_has_its_own_arguments_and_environment() {
    let Some(mut bundle) = Bundle::new("hooks_words") else { return };
    let file = bundle.inside("words");
    bundle.config["hooks"] = json!({ "createRuntime": [{
        "path": "/bin/sh",
        "args": ["zero", "-c", format!("echo \"$0 $1 $KEY ${{HOME-none}}\" > {}", file.display()), "first", "second"],
        "env": ["KEY=value"]
    }] });
    bundle.lives();
    assert_eq!(fs::read_to_string(file).unwrap(), "first second value none\n");
}

/// A startContainer hook without an environment of its own has the process's.
#[test]
fn a_start_container_hook_has_the_processes_environment_or_its_own() {
    let Some(mut bundle) = Bundle::new("hooks_environment") else { return };
    bundle.config["process"]["env"].as_array_mut().unwrap().push(json!("KEY=process"));
    bundle.config["hooks"] = json!({ "startContainer": [
        hook("echo \"$KEY\" >> /words"),
        { "path": "/bin/sh", "args": ["sh", "-c", "echo \"$KEY $OTHER\" >> /words"], "env": ["OTHER=own"] }
    ] });
    bundle.lives();
    assert_eq!(fs::read_to_string(bundle.inside("words")).unwrap(), "process\n own\n");
}
