//! Hooks: when they are called, with what, and what follows when one fails (the specification's "POSIX-platform
//! Hooks" and steps 3 to 13 of "Lifecycle").

mod common;

use common::bundle::Bundle;
use common::{errors, eventually, folders_named};
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

const OUTSIDE: [&str; 2] = ["prestart", "createRuntime"];

/// A hook that notes its name, its namespaces and its state in files of the bundle.
fn noting(bundle: &Bundle, name: &str) -> Value {
    let folder = bundle.path();
    let script = format!(
        "echo {name} >> '{0}/order'; cat > '{0}/{name}.state'; readlink /proc/self/ns/mnt > '{0}/{name}.ns'",
        folder.display()
    );
    json!({ "path": "/bin/sh", "args": ["sh", "-c", script] })
}

fn failing(bundle: &Bundle, name: &str) -> Value {
    let script = format!("echo {name} >> '{}/order'; exit 3", bundle.path().display());
    json!({ "path": "/bin/sh", "args": ["sh", "-c", script] })
}

fn order(bundle: &Bundle) -> String {
    fs::read_to_string(bundle.beside("order")).unwrap_or_default()
}

fn noted(bundle: &Bundle, name: &str) -> (Value, String) {
    let state = fs::read(bundle.beside(&format!("{name}.state"))).unwrap();
    let namespace = fs::read_to_string(bundle.beside(&format!("{name}.ns"))).unwrap();
    (serde_json::from_slice(&state).unwrap(), namespace)
}

#[test]
fn each_is_called_in_its_order_with_the_state_and_in_its_namespaces() {
    let test = "each_is_called_in_its_order_with_the_state_and_in_its_namespaces";
    let Some(mut bundle) = Bundle::script(test, "exec sleep 100") else { return };
    // The hook inside the container's root.
    let inside = json!({ "path": "/bin/sh", "args": ["sh", "-c", "echo $0 $A > /called; cat > /state"] });
    bundle.config["hooks"] = json!({ "startContainer": [inside] });
    for point in ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] {
        bundle.config["hooks"][point] = json!([noting(&bundle, point), noting(&bundle, "second")]);
    }
    bundle.config["process"]["env"].as_array_mut().unwrap().push(json!("A=of the process"));
    bundle.config["annotations"] = json!({ "a": "b" });
    bundle.create();
    let pid = bundle.state()["pid"].clone();
    assert_eq!(order(&bundle), "prestart\nsecond\ncreateRuntime\nsecond\ncreateContainer\nsecond\n");
    let host = fs::read_link("/proc/self/ns/mnt").unwrap();
    let container = fs::read_link(format!("/proc/{pid}/ns/mnt")).unwrap();
    for point in OUTSIDE {
        let (state, namespace) = noted(&bundle, point);
        assert_eq!(namespace.trim(), host.to_str().unwrap(), "{point}");
        assert_eq!(state["pid"], pid, "{point}");
        assert_eq!(state["id"], *bundle.id, "{point}");
        assert_eq!(state["status"], "created", "{point}");
        assert_eq!(state["annotations"], json!({ "a": "b" }), "{point}");
        assert_eq!(state["bundle"], bundle.path().canonicalize().unwrap().to_str().unwrap());
    }
    let (state, namespace) = noted(&bundle, "createContainer");
    assert_eq!(namespace.trim(), container.to_str().unwrap());
    assert_eq!(state["pid"], 1, "as it is seen from there");
    assert!(!bundle.inside("called").exists(), "startContainer is not called at create");

    bundle.must("start", &[]);
    eventually("startContainer is called", || bundle.inside("state").exists());
    eventually("it has written", || fs::read(bundle.inside("state")).is_ok_and(|text| text.ends_with(b"}")));
    assert_eq!(fs::read_to_string(bundle.inside("called")).unwrap(), "sh of the process\n");
    let state: Value = serde_json::from_slice(&fs::read(bundle.inside("state")).unwrap()).unwrap();
    assert_eq!((state["pid"].clone(), state["status"].clone()), (json!(1), json!("created")));
    let (state, namespace) = noted(&bundle, "poststart");
    assert_eq!(namespace.trim(), host.to_str().unwrap());
    assert_eq!((state["pid"].clone(), state["status"].clone()), (pid, json!("running")));

    bundle.must("delete", &["--force"]);
    let (state, namespace) = noted(&bundle, "poststop");
    assert_eq!(namespace.trim(), host.to_str().unwrap());
    assert_eq!(state["status"], "stopped");
    assert!(order(&bundle).ends_with("poststart\nsecond\npoststop\nsecond\n"));
}

#[test]
fn one_that_fails_at_create_undoes_it_and_poststop_is_called() {
    let test = "one_that_fails_at_create_undoes_it_and_poststop_is_called";
    let Some(mut bundle) = Bundle::new(test) else { return };
    for point in ["prestart", "createRuntime", "createContainer"] {
        let _ = fs::remove_file(bundle.beside("order"));
        let (bad, next) = (failing(&bundle, "bad"), noting(&bundle, "next"));
        bundle.config["hooks"] = json!({ point: [bad, next], "poststop": [noting(&bundle, "poststop")] });
        let line = bundle.refuses(point);
        assert!(line.contains(point) && line.contains("/bin/sh"), "{line}");
        assert_eq!(order(&bundle), "bad\npoststop\n", "{point}");
        assert!(folders_named(&bundle.id).is_empty());
    }
}

#[test]
fn one_that_fails_after_the_start_ends_the_container() {
    let test = "one_that_fails_after_the_start_ends_the_container";
    let Some(mut bundle) = Bundle::script(test, "exec sleep 100") else { return };
    let (bad, next) = (failing(&bundle, "bad"), noting(&bundle, "next"));
    bundle.config["hooks"] = json!({ "poststart": [bad, next], "poststop": [noting(&bundle, "poststop")] });
    bundle.create();
    let line = bundle.must_fail("start", &[]);
    assert!(line.contains("poststart"), "{line}");
    assert_eq!(order(&bundle), "bad\npoststop\n");
    bundle.must_fail("state", &[]);
}

#[test]
fn one_that_fails_in_the_container_keeps_the_program_from_running() {
    let test = "one_that_fails_in_the_container_keeps_the_program_from_running";
    let Some(mut bundle) = Bundle::script(test, "echo ran > /ran") else { return };
    bundle.config["hooks"] =
        json!({ "startContainer": [{ "path": "/bin/false" }], "poststop": [noting(&bundle, "poststop")] });
    bundle.create();
    let line = bundle.must_fail("start", &[]);
    assert!(line.contains("startContainer"), "{line}");
    assert_eq!(order(&bundle), "poststop\n");
    bundle.must_fail("state", &[]);
    assert!(!bundle.inside("ran").exists());
}

#[test]
fn one_that_fails_at_the_end_is_a_warning() {
    let Some(mut bundle) = Bundle::new("one_that_fails_at_the_end_is_a_warning") else { return };
    let (bad, next) = (failing(&bundle, "bad"), noting(&bundle, "next"));
    bundle.config["hooks"] = json!({ "poststop": [bad, next] });
    bundle.create();
    let output = bundle.call(&["delete", "--force", &bundle.id]);
    assert!(output.status.success());
    assert!(
        errors(&output).contains("warning") && errors(&output).contains("poststop"),
        "{}",
        errors(&output)
    );
    assert_eq!(order(&bundle), "bad\nnext\n");
}

#[test]
fn one_that_takes_too_long_is_killed() {
    let Some(mut bundle) = Bundle::new("one_that_takes_too_long_is_killed") else { return };
    let hook = json!({ "path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1 });
    bundle.config["hooks"] = json!({ "createRuntime": [hook] });
    let begin = Instant::now();
    let line = bundle.refuses("a hook that sleeps");
    assert!(line.contains("within 1 s") && begin.elapsed().as_secs() < 500, "{line}");
}

#[test]
fn its_environment_is_what_it_says_and_its_state_is_not_in_the_way() {
    let test = "its_environment_is_what_it_says_and_its_state_is_not_in_the_way";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let file = bundle.beside("env");
    let script = format!("/bin/busybox env > '{}'", file.display());
    bundle.config["hooks"] = json!({ "createRuntime": [
        { "path": "/bin/sh", "args": ["sh", "-c", script], "env": ["ONLY=this", "AND=a=b"] },
        { "path": "/bin/true" }
    ] });
    // More than a pipe holds, for a hook that does not read.
    bundle.config["annotations"] = json!({ "large": "x".repeat(200_000) });
    bundle.create();
    let environment = fs::read_to_string(file).unwrap();
    assert!(environment.contains("ONLY=this\n") && environment.contains("AND=a=b\n"), "{environment}");
    assert!(!environment.contains("HOME="), "{environment}");
}
