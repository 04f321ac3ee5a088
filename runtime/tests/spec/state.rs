//! runtime.md, "State" and "Query State".

use crate::common::bundle::Bundle;
use crate::common::errors;
use serde_json::{Value, json};

/// "The state of a container includes the following properties": ociVersion, id, status, pid, bundle and annotations.
#[test]
fn the_state_has_the_specified_properties() {
    let Some(mut bundle) = Bundle::script("state_properties", "sleep 60") else { return };
    bundle.config["annotations"] = json!({ "org.example.key": "value", "org.example.empty": "" });
    bundle.create();
    let state = bundle.state();
    assert!(state["ociVersion"].as_str().is_some_and(|version| version.starts_with("1.")), "{state}");
    assert_eq!(state["id"], json!(bundle.id));
    assert_eq!(state["status"], "created");
    assert!(
        std::fs::exists(format!("/proc/{}", state["pid"])).unwrap(),
        "pid is as seen by the host: {state}"
    );
    // "bundle … is the absolute path to the container's bundle directory"
    assert_eq!(state["bundle"].as_str().map(std::path::Path::new), Some(bundle.path().as_path()));
    assert_eq!(state["annotations"], json!({ "org.example.key": "value", "org.example.empty": "" }));
}

/// A relative --bundle, and none (the present folder), are made absolute.
#[test]
fn the_bundle_is_an_absolute_path_however_it_was_given() {
    let Some(bundle) = Bundle::new("state_relative") else { return };
    bundle.write();
    for words in [vec!["create", "--bundle", "."], vec!["create"]] {
        let output = bundle
            .runtime(&[words.as_slice(), &[&bundle.id]].concat())
            .current_dir(bundle.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(output.success(), "{words:?}");
        assert_eq!(bundle.state()["bundle"].as_str().map(std::path::PathBuf::from), Some(bundle.path()));
        bundle.must("delete", &["--force"]);
    }
}

/// "status … MAY be one of creating, created, running, stopped": created until start, running until the program ends,
/// stopped until delete.
#[test]
fn the_status_follows_the_lifecycle() {
    let Some(bundle) = Bundle::script("state_status", "sleep 60") else { return };
    bundle.create();
    assert_eq!(bundle.status(), "created");
    let created = bundle.pid();
    bundle.must("start", &[]);
    assert_eq!(bundle.status(), "running");
    assert_eq!(bundle.pid(), created, "the program is the process that create made");
    bundle.must("kill", &["KILL"]);
    bundle.wait();
    assert_eq!(bundle.must("state", &[]), bundle.must("state", &[]), "a stopped container does not change");
}

/// "This operation MUST generate an error if it is not provided the ID of a container. Attempting to query a container
/// that does not exist MUST generate an error."
#[test]
fn a_container_that_does_not_exist_has_no_state() {
    let Some(bundle) = Bundle::new("state_absent") else { return };
    assert!(!bundle.call(&["state"]).status.success());
    let line = bundle.must_fail("state", &[]);
    assert!(line.contains("does not exist") && line.contains(&bundle.id), "{line}");
}

/// The serialized form: one JSON object on standard output, nothing on standard error.
#[test]
fn the_state_is_one_json_object() {
    let Some(bundle) = Bundle::new("state_json") else { return };
    bundle.create();
    let output = bundle.call(&["state", &bundle.id]);
    assert_eq!(errors(&output), "");
    assert!(serde_json::from_slice::<Value>(&output.stdout).unwrap().is_object());
    // Scripts look for the properties by text, in the form in which the usual runtimes print them.
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!("\"id\": \"{}\"", bundle.id)), "{text}");
}
