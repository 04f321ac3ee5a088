//! runtime.md, "Lifecycle" and "Operations": create, start, kill, delete, and what is an error in which state.

use crate::common::bundle::Bundle;
use crate::common::{eventually, own_mounts, refusal};
use serde_json::{Value, json};
use std::fs;

/// Create: "MUST generate an error if it is not provided a path to the bundle and the container ID".
#[test]
fn create_wants_an_id_and_a_bundle() {
    let Some(bundle) = Bundle::new("create_wants") else { return };
    assert!(!bundle.call(&["create", "--bundle", bundle.path().to_str().unwrap()]).status.success(), "no id");
    let output = bundle.call(&["create", "--bundle", "/nonexistent/bundle", &bundle.id]);
    assert!(refusal(&output, 1).contains("/nonexistent/bundle"));
    bundle.must_fail("state", &[]);
}

/// Create: "If the ID provided is not unique across all containers within the scope of the runtime, or is not valid in
/// any other way, the implementation MUST generate an error and a new container MUST NOT be created."
#[test]
fn an_id_is_unique_and_valid() {
    let Some(mut bundle) = Bundle::new("create_id") else { return };
    bundle.create();
    let state = bundle.must("state", &[]);
    let line = refusal(&bundle.create_with(&[]), 1);
    assert!(line.contains(&bundle.id), "{line}");
    assert_eq!(bundle.must("state", &[]), state, "the first one is untouched");
    bundle.must("delete", &["--force"]);
    let id = bundle.id.clone();
    let long = "x".repeat(2000);
    for wrong in ["", ".", "..", "a/b", "../up", "/etc", "a b", "a\nb", "ü", long.as_str()] {
        bundle.id = wrong.to_string();
        assert!(!bundle.create_with(&["--"]).status.success(), "{wrong:?} is no id");
    }
    bundle.id = id;
    let left: Vec<_> = fs::read_dir(bundle.beside("state")).into_iter().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Two creates of one id at the same moment: exactly one wins.
#[test]
fn of_two_creates_of_one_id_one_wins() {
    let Some(bundle) = Bundle::new("create_race") else { return };
    bundle.write();
    let start = || {
        let mut command = bundle.runtime(&["create", "--bundle"]);
        command.arg(bundle.path()).arg(&bundle.id);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let mut both = [start(), start(), start()];
    let won = both.iter_mut().filter_map(|each| each.wait().unwrap().success().then_some(())).count();
    assert_eq!(won, 1);
    assert_eq!(bundle.status(), "created");
}

/// Lifecycle, step 2: "the user-specified program (from process) MUST NOT be run at this time"; Start: "This operation
/// MUST run the user-specified program as specified by process."
#[test]
fn the_program_runs_at_start_and_not_before() {
    let Some(bundle) = Bundle::script("start_runs", "echo ran >> /ran") else { return };
    bundle.create();
    assert_eq!(bundle.status(), "created");
    assert!(!bundle.inside("ran").exists(), "it ran at create");
    bundle.must("start", &[]);
    bundle.wait();
    assert_eq!(fs::read_to_string(bundle.inside("ran")).unwrap(), "ran\n");
    // "Attempting to start a container that is not created MUST have no effect on the container and MUST generate an error."
    let state = bundle.must("state", &[]);
    bundle.must_fail("start", &[]);
    assert_eq!(bundle.must("state", &[]), state);
    assert_eq!(fs::read_to_string(bundle.inside("ran")).unwrap(), "ran\n", "it ran twice");
}

/// Start of a running container: an error, and no effect.
#[test]
fn a_running_container_is_not_started_again() {
    let Some(bundle) = Bundle::script("start_twice", "echo ran >> /ran; sleep 60") else { return };
    assert!(!bundle.call(&["start"]).status.success(), "no id");
    bundle.must_fail("start", &[]);
    bundle.create();
    bundle.must("start", &[]);
    eventually("ran", || bundle.inside("ran").exists());
    bundle.must_fail("start", &[]);
    assert_eq!(bundle.status(), "running");
    assert_eq!(fs::read_to_string(bundle.inside("ran")).unwrap(), "ran\n");
}

/// Lifecycle, step 2: "Any updates to config.json after this step MUST NOT affect the container."
#[test]
fn a_changed_configuration_changes_nothing() {
    let Some(mut bundle) = Bundle::script("config_updates", "echo first") else { return };
    bundle.config["hooks"] = json!({ "poststop": [{ "path": "/bin/sh", "args": ["sh", "-c",
        format!("echo gone > {}", bundle.beside("gone").display())] }] });
    bundle.create();
    fs::write(
        bundle.beside("config.json"),
        json!({ "ociVersion": "1.0.0", "root": Value::Null }).to_string(),
    )
    .unwrap();
    bundle.must("start", &[]);
    bundle.wait();
    assert_eq!(bundle.printed(), "first\n");
    fs::remove_file(bundle.beside("config.json")).unwrap();
    bundle.must("delete", &[]);
    assert_eq!(fs::read_to_string(bundle.beside("gone")).unwrap(), "gone\n");
}

/// config.md, "Process": "This property is REQUIRED when start is called"; Start: "This operation MUST generate an error
/// if process was not set."
#[test]
fn without_a_process_create_works_and_start_does_not() {
    let Some(mut bundle) = Bundle::new("no_process") else { return };
    bundle.config.as_object_mut().unwrap().remove("process");
    bundle.create();
    assert_eq!(bundle.status(), "created");
    let line = bundle.must_fail("start", &[]);
    assert!(line.contains("process"), "{line}");
    bundle.wait();
    bundle.must("delete", &[]);
}

/// Kill: "MUST generate an error if it is not provided the container ID"; "Attempting to send a signal to a container
/// that is neither created nor running MUST have no effect on the container and MUST generate an error."
#[test]
fn only_a_living_container_is_killed() {
    let Some(bundle) = Bundle::new("kill_states") else { return };
    assert!(!bundle.call(&["kill"]).status.success(), "no id");
    bundle.must_fail("kill", &["KILL"]);
    bundle.create();
    bundle.must("start", &[]);
    bundle.wait();
    let state = bundle.must("state", &[]);
    bundle.must_fail("kill", &["KILL"]);
    assert_eq!(bundle.must("state", &[]), state);
    bundle.must("delete", &[]);
    bundle.create();
    bundle.must("kill", &["KILL"]);
    bundle.wait();
    bundle.must("delete", &[]);
}

/// Kill: "This operation MUST send the specified signal to the container process." By name, with SIG, by number.
#[test]
fn the_specified_signal_arrives() {
    let script = "for signal in TERM USR1 USR2 HUP; do trap \"echo $signal\" $signal; done; echo ready; \
                  while :; do sleep 0.05; done";
    let Some(bundle) = Bundle::script("kill_signal", script) else { return };
    bundle.create();
    bundle.must("start", &[]);
    eventually("ready", || bundle.printed().contains("ready"));
    for (given, name) in [("TERM", "TERM"), ("SIGUSR1", "USR1"), ("12", "USR2"), ("hup", "HUP")] {
        bundle.must("kill", &[given]);
        eventually(name, || bundle.printed().lines().any(|line| line == name));
    }
    for wrong in ["NOSUCH", "999", "-1", ""] {
        assert!(!bundle.call(&["kill", &bundle.id, wrong]).status.success(), "{wrong:?} is no signal");
    }
    assert_eq!(bundle.status(), "running");
}

/// Delete: no ID, or one that does not exist, is an error; "Attempting to delete a container that is not stopped MUST have
/// no effect on the container and MUST generate an error."
#[test]
fn only_a_stopped_container_is_deleted() {
    let Some(bundle) = Bundle::script("delete_states", "sleep 60") else { return };
    assert!(!bundle.call(&["delete"]).status.success(), "no id");
    bundle.must_fail("delete", &[]);
    bundle.create();
    bundle.must_fail("delete", &[]);
    assert_eq!(bundle.status(), "created");
    bundle.must("start", &[]);
    bundle.must_fail("delete", &[]);
    assert_eq!(bundle.status(), "running");
    // Engines delete right after the signal, without waiting.
    bundle.must("kill", &["KILL"]);
    bundle.must("delete", &[]);
    bundle.must_fail("state", &[]);
}

/// Delete: "Deleting a container MUST delete the resources that were created during the create step." "Once a container
/// is deleted its ID MAY be used by a subsequent container."
#[test]
fn delete_undoes_create_and_frees_the_id() {
    let Some(bundle) = Bundle::script("delete_undoes", "sleep 60") else { return };
    for _ in 0..2 {
        bundle.create();
        let pid = bundle.pid();
        let groups = crate::groups::of(pid);
        bundle.must("start", &[]);
        bundle.must("delete", &["--force"]);
        assert!(!fs::exists(format!("/proc/{pid}/root/bin")).unwrap(), "the process is there");
        for group in groups {
            assert!(!group.exists(), "{}", group.display());
        }
        assert_eq!(fs::read_dir(bundle.beside("state")).unwrap().count(), 0, "the state folder");
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(bundle.path().to_str().unwrap()), "{mounts}");
    }
}

/// Delete: "resources associated with the container, but not created by this container, MUST NOT be deleted."
#[test]
fn delete_leaves_what_it_has_not_made() {
    let Some(mut bundle) = Bundle::new("delete_leaves") else { return };
    fs::create_dir(bundle.beside("data")).unwrap();
    fs::write(bundle.beside("data/file"), "kept").unwrap();
    bundle.config["mounts"].as_array_mut().unwrap().push(json!({
        "destination": "/data", "type": "bind", "source": "data", "options": ["rbind"]
    }));
    bundle.lives();
    assert_eq!(fs::read_to_string(bundle.beside("data/file")).unwrap(), "kept");
    assert!(bundle.inside("bin/busybox").exists() && bundle.beside("config.json").exists());
}

/// The same of mounts: an engine's, on the root folder of a container whose mounts are among the host's.
#[test]
fn delete_leaves_the_engines_mounts() {
    let Some(mut bundle) = Bundle::new("delete_mounts") else { return };
    if !own_mounts("delete_leaves_the_engines_mounts") {
        return;
    }
    let run =
        |words: &[&str]| assert!(std::process::Command::new("mount").args(words).status().unwrap().success());
    let root = bundle.inside("");
    let root = root.to_str().unwrap();
    run(&["--bind", root, root]);
    let mounts = || {
        let table = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        table.lines().filter(|line| line.contains(root.trim_end_matches('/'))).count()
    };
    assert_eq!(mounts(), 1);
    bundle.config["mounts"] = json!([{ "destination": "/proc", "type": "proc", "source": "proc" }]);
    for property in ["maskedPaths", "readonlyPaths"] {
        bundle.config["linux"][property] = json!([]);
    }
    let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|each| each["type"] != "mount");
    for (program, created) in [("true", true), ("/no/such/program", false)] {
        bundle.config["process"]["args"] = json!([program]);
        assert_eq!(bundle.create_with(&[]).status.success(), created, "{program}");
        assert_eq!(mounts() > 1, created, "what the container mounts is in view");
        if created {
            bundle.must("delete", &["--force"]);
        }
        assert_eq!(mounts(), 1, "after {program}");
    }
    // Somebody has taken it away already, and what is there now is the engine's alone.
    bundle.config["process"]["args"] = json!(["true"]);
    bundle.create();
    bundle.must("kill", &["KILL"]);
    bundle.wait();
    assert!(std::process::Command::new("umount").args(["-l", root]).status().unwrap().success());
    bundle.must("delete", &[]);
    assert_eq!(mounts(), 1, "the engine's mount has gone with the container");
}

/// A group that the engine has chosen may be another's by the time at which a container without a record is deleted.
#[test]
fn delete_kills_nobody_whom_it_cannot_tell_from_its_own() {
    let Some(mut bundle) = Bundle::new("delete_strangers") else { return };
    let record = bundle.beside("state").join(&bundle.id).join("state.json");
    let path = bundle.id.clone();
    bundle.config["linux"]["cgroupsPath"] = json!(format!("/{path}"));
    bundle.config["process"]["args"] = json!(["sleep", "1000"]);
    bundle.create();
    let pid = bundle.pid();
    fs::write(&record, "{").unwrap();
    let line = bundle.must_fail("delete", &["--force"]);
    assert!(line.contains(&path) && line.contains("record") && line.contains("end them"), "{line}");
    let process = format!("/proc/{pid}");
    assert!(fs::exists(&process).unwrap(), "it was killed all the same");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    crate::common::eventually("it has ended", || {
        bundle.call(&["delete", "--force", &bundle.id]).status.success()
    });
    assert_eq!(crate::common::folders_named(&path), Vec::<std::path::PathBuf>::new());
    assert!(!record.exists());
}

/// "Unless otherwise stated, generating an error MUST leave the state of the environment as if the operation were never
/// attempted": a create that fails at its last step leaves no process, no group, no mount and no state.
#[test]
fn a_failed_create_leaves_nothing() {
    let Some(mut bundle) = Bundle::new("create_fails") else { return };
    let before = fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count();
    bundle.config["linux"]["cgroupsPath"] = json!(format!("/{}", bundle.id));
    bundle.config["process"]["args"] = json!(["/no/such/program"]);
    bundle.refuses("/no/such/program");
    assert_eq!(fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count(), before);
    assert_eq!(crate::groups::named(&bundle.id), Vec::<std::path::PathBuf>::new());
    assert_eq!(fs::read_dir(bundle.beside("state")).into_iter().flatten().count(), 0);
    bundle.config["process"]["args"] = json!(["true"]);
    bundle.lives();
}
