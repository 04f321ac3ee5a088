//! Input that no engine would give, and machines that have nothing left to give: one clear line, and nothing stays.

#[path = "../common/mod.rs"]
mod common;

mod scarce;

use common::bundle::Bundle;
use common::machine::Machine;
use common::{RUNTIME, errors, refusal};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn machine(test: &str) -> Option<Machine> {
    Machine::with(|| Bundle::script(test, "while :; do sleep 1; done"))
}

/// `create`, of the configuration as it lies in the bundle.
fn create(machine: &Machine) -> Output {
    machine.run(creation(machine))
}

fn creation(machine: &Machine) -> Command {
    let mut command = machine.bundle.runtime(&["create", "--bundle"]);
    command.arg(machine.bundle.path()).arg(&machine.bundle.id);
    command
}

fn clear(machine: &Machine) {
    let output = machine.run(machine.bundle.runtime(&["delete", "--force", &machine.bundle.id]));
    assert!(output.status.success() && errors(&output).is_empty(), "{}", errors(&output));
}

/// `create` with this text as its configuration, which must fail.
fn refused(machine: &Machine, what: &str, text: &[u8]) -> String {
    fs::write(machine.bundle.beside("config.json"), text).unwrap();
    let output = create(machine);
    assert!(!output.status.success(), "{what} is accepted");
    let line = refusal(&output, 1);
    machine.must_be_as_before(what);
    line
}

#[test]
fn a_text_that_is_no_configuration_is_refused() {
    let Some(machine) = machine("a_text_that_is_no_configuration_is_refused") else { return };
    let good = machine.bundle.config.to_string();
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let unknown = format!("{{\"unknown\":{},{}", deep("[", "]"), &good[1..]);
    let huge = format!("{good}{}", " ".repeat(17 << 20));
    let texts: [(&str, Vec<u8>); 9] = [
        ("nothing", vec![]),
        ("an array", b"[]".to_vec()),
        ("zero bytes", vec![0; 4096]),
        ("no Unicode", b"{\"ociVersion\":\"\xff\xfe\"}".to_vec()),
        ("half of it", good.as_bytes()[..good.len() / 2].to_vec()),
        ("two of them", format!("{good}{good}").into_bytes()),
        ("arrays in arrays", deep("[", "]").into_bytes()),
        ("objects in objects", deep("{\"process\":", "}").into_bytes()),
        ("size", huge.into_bytes()),
    ];
    for (what, text) in texts {
        let line = refused(&machine, what, &text);
        assert!(line.contains("config.json"), "{what}: {line}");
        assert!(line.len() < 500, "{what}: the line is short: {line}");
    }
    // What is unknown is ignored, whatever its form.
    fs::write(machine.bundle.beside("config.json"), unknown).unwrap();
    let created = create(&machine);
    assert!(created.status.success(), "{}", errors(&created));
    clear(&machine);
    for number in 1..10 {
        refused(&machine, "a part", &good.as_bytes()[..good.len() * number / 10]);
    }
}

#[test]
fn what_is_no_file_is_no_configuration() {
    let Some(machine) = machine("what_is_no_file_is_no_configuration") else { return };
    let path = machine.bundle.beside("config.json");
    let try_it = |what: &str| {
        let line = refusal(&create(&machine), 1);
        assert!(line.contains("config.json"), "{what}: {line}");
        machine.must_be_as_before(what);
    };
    fs::remove_file(&path).unwrap();
    try_it("no file");
    symlink("config.json", &path).unwrap();
    try_it("a link to itself");
    for device in ["/dev/zero", "/dev/tty"] {
        fs::remove_file(&path).unwrap();
        symlink(device, &path).unwrap();
        try_it(device);
    }
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    try_it("a FIFO");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    try_it("a folder");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "").unwrap();
}

#[test]
fn other_versions_and_wrong_types_are_refused() {
    let Some(machine) = machine("other_versions_and_wrong_types_are_refused") else { return };
    let changes: [(&str, Value); 16] = [
        ("/ociVersion", json!("2.0.0")),
        ("/ociVersion", json!("0.9.9")),
        ("/ociVersion", json!(1)),
        ("/ociVersion", json!("1.0.0.0.0")),
        ("/process/args", json!([])),
        ("/process/args", json!("true")),
        ("/process/args", json!(["a\0b"])),
        ("/process/env", json!(["A=\0"])),
        ("/process/cwd", json!("relative")),
        ("/process/cwd", json!("/a\0b")),
        ("/process/user/uid", json!(-1)),
        ("/process/user/uid", json!(1_u64 << 33)),
        ("/process/rlimits/0/type", json!("RLIMIT_EVERYTHING")),
        ("/process/capabilities/bounding", json!([7])),
        ("/hostname", json!("x".repeat(300))),
        ("/linux/namespaces", json!([{ "type": "dream" }])),
    ];
    for (pointer, value) in changes {
        let mut config = machine.bundle.config.clone();
        *config.pointer_mut(pointer).unwrap() = value.clone();
        refused(&machine, &format!("{pointer}: {value}"), config.to_string().as_bytes());
    }
}

#[test]
fn hostile_paths_are_refused_or_stay_inside() {
    let Some(machine) = machine("hostile_paths_are_refused_or_stay_inside") else { return };
    let long = format!("/{}", "a/".repeat(3000));
    let longest_name = format!("/{}", "n".repeat(256));
    for path in ["", "/a\0b", &long, &longest_name] {
        let mut config = machine.bundle.config.clone();
        let mount = json!({ "destination": path, "type": "tmpfs", "source": "tmpfs" });
        config["mounts"].as_array_mut().unwrap().push(mount);
        refused(&machine, &format!("a mount on {path:.20?}"), config.to_string().as_bytes());
    }
    for path in ["", "no-such-folder", "/a\0b", &long, "config.json"] {
        let mut config = machine.bundle.config.clone();
        config["root"]["path"] = json!(path);
        refused(&machine, &format!("a root {path:.20?}"), config.to_string().as_bytes());
    }
    for path in ["../../../../outside", "/../../outside", "a/../../outside/."] {
        let mut config = machine.bundle.config.clone();
        config["linux"]["cgroupsPath"] = json!(path);
        refused(&machine, &format!("groups at {path}"), config.to_string().as_bytes());
    }
    // A destination that climbs, by its words or by links in the root, ends at the root.
    for path in ["/../../../../climbed", "/up/climbed"] {
        let mut config = machine.bundle.config.clone();
        let mount = json!({ "destination": path, "type": "tmpfs", "source": "tmpfs" });
        config["mounts"].as_array_mut().unwrap().push(mount);
        fs::write(machine.bundle.beside("config.json"), config.to_string()).unwrap();
        let link = machine.bundle.inside("up");
        symlink("../../../../../../..", &link).unwrap();
        create(&machine);
        fs::remove_file(link).unwrap();
        assert!(!Path::new("/climbed").exists(), "{path} has left the root");
        clear(&machine);
        let _ = fs::remove_dir(machine.bundle.inside("climbed"));
        machine.must_be_as_before(path);
    }
}

#[test]
fn names_that_are_paths_are_refused() {
    let Some(machine) = machine("names_that_are_paths_are_refused") else { return };
    machine.bundle.write();
    let long = "x".repeat(256);
    let bundle = machine.bundle.path();
    let bundle = bundle.to_str().unwrap();
    for id in ["", ".", "..", "a/b", "../a", "/", "/tmp/a", "a/..", "a b", "a\nb", "ä", &long] {
        let commands: [&[&str]; 8] = [
            &["create", "--bundle", bundle, "--", id],
            &["run", "--bundle", bundle, "--", id],
            &["start", "--", id],
            &["state", "--", id],
            &["kill", "--", id],
            &["delete", "--", id],
            &["delete", "--force", "--", id],
            &["exec", "--", id, "true"],
        ];
        for words in commands {
            let output = machine.run(machine.bundle.runtime(words));
            assert!(!output.status.success(), "{words:?} is accepted");
            assert_eq!(errors(&output).lines().count(), 1, "{words:?}: {}", errors(&output));
        }
        machine.must_be_as_before(id);
    }
}

#[test]
fn a_state_folder_that_is_none_is_refused() {
    let Some(machine) = machine("a_state_folder_that_is_none_is_refused") else { return };
    let state = machine.bundle.beside("state");
    let folder = state.join(&machine.bundle.id);
    machine.bundle.write();
    fs::write(&folder, "").unwrap();
    refusal(&create(&machine), 1);
    fs::remove_file(&folder).unwrap();
    // A link to a folder of somebody else's: it must not be emptied.
    let other = machine.bundle.beside("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("state.json"), "{}").unwrap();
    symlink(&other, &folder).unwrap();
    refusal(&create(&machine), 1);
    machine.run(machine.bundle.runtime(&["delete", "--force", &machine.bundle.id]));
    assert!(other.join("state.json").exists(), "delete has followed a link");
    let _ = fs::remove_file(&folder);
    fs::remove_dir_all(&other).unwrap();
    machine.must_be_as_before("a state folder that is none");
}

#[test]
fn a_record_cut_short_is_an_error_and_can_be_cleared() {
    let Some(machine) = machine("a_record_cut_short_is_an_error_and_can_be_cleared") else { return };
    let bundle = &machine.bundle;
    let record = bundle.beside("state").join(&bundle.id).join("state.json");
    bundle.create();
    let whole = fs::read(&record).unwrap();
    for cut in (0..whole.len()).step_by(if common::full_tier() { 1 } else { 29 }) {
        fs::write(&record, &whole[..cut]).unwrap();
        for command in ["state", "start", "kill", "delete"] {
            let line = bundle.must_fail(command, &[]);
            assert!(line.contains("delete --force"), "{command} with {cut} bytes: {line}");
        }
        refusal(&bundle.call(&["exec", &bundle.id, "true"]), 125);
        assert!(bundle.call(&["list"]).status.success(), "the others can still be listed");
    }
    // Whole again, it is as if nothing had been.
    fs::write(&record, &whole).unwrap();
    assert_eq!(bundle.status(), "created");
    clear(&machine);
    machine.must_be_as_before("a record cut short and mended");
    for part in 0..6 {
        bundle.create();
        bundle.must("start", &[]);
        let whole = fs::read(&record).unwrap();
        fs::write(&record, &whole[..whole.len() * part / 6]).unwrap();
        clear(&machine);
        machine.must_be_as_before("a record cut short");
    }
}

#[test]
fn of_two_creates_of_one_name_one_succeeds() {
    let Some(machine) = machine("of_two_creates_of_one_name_one_succeeds") else { return };
    machine.bundle.write();
    for _ in 0..10 {
        let children: Vec<_> = (0..4)
            .map(|number| {
                let file = File::create(machine.bundle.beside(&format!("error-{number}"))).unwrap();
                creation(&machine).stdout(Stdio::null()).stderr(file).spawn().unwrap()
            })
            .collect();
        let results: Vec<bool> =
            children.into_iter().map(|mut child| child.wait().unwrap().success()).collect();
        assert_eq!(results.iter().filter(|&&success| success).count(), 1, "{results:?}");
        for (number, success) in results.into_iter().enumerate() {
            let file = machine.bundle.beside(&format!("error-{number}"));
            let said = fs::read_to_string(&file).unwrap();
            assert_eq!(said.contains("exists already"), !success, "{said}");
            assert_eq!(said.lines().count(), usize::from(!success), "{said}");
            fs::remove_file(file).unwrap();
        }
        assert_eq!(machine.bundle.status(), "created");
        clear(&machine);
        machine.must_be_as_before("creates of one name at once");
    }
}

/// Tells a thread to stop, in a failed test too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_bundle_that_changes_underfoot_makes_one_container_or_none() {
    let test = "a_bundle_that_changes_underfoot_makes_one_container_or_none";
    let Some(machine) = machine(test) else { return };
    let (root, other) = (machine.bundle.beside("root"), machine.bundle.beside("other"));
    let (decoy, config) = (machine.bundle.beside("decoy"), machine.bundle.beside("config.json"));
    let good = machine.bundle.config.to_string();
    fs::create_dir(&decoy).unwrap();
    fs::write(&config, &good).unwrap();
    let stop = AtomicBool::new(false);
    let results: Vec<Output> = std::thread::scope(|scope| {
        scope.spawn(|| {
            // What a moment ago was the root is a link to a folder without programs, and then again the root; and
            // the configuration is half of itself.
            while !stop.load(Ordering::Relaxed) {
                fs::rename(&root, &other).unwrap();
                symlink(&decoy, &root).unwrap();
                fs::write(&config, &good[..good.len() / 2]).unwrap();
                fs::remove_file(&root).unwrap();
                fs::rename(&other, &root).unwrap();
                fs::write(&config, &good).unwrap();
                std::thread::sleep(Duration::from_micros(300));
            }
        });
        let _stop = Stop(&stop);
        let each = (0..40).map(|_| {
            let created = create(&machine);
            let left = machine.bundle.beside("state").join(&machine.bundle.id).exists();
            clear(&machine);
            (created, left)
        });
        let each: Vec<_> = each.collect();
        assert!(each.iter().all(|(created, left)| created.status.success() == *left), "{each:?}");
        each.into_iter().map(|(created, _)| created).collect()
    });
    for failed in results.iter().filter(|created| !created.status.success()) {
        refusal(failed, 1);
    }
    fs::remove_dir_all(&decoy).unwrap();
    machine.must_be_as_before("a bundle that changed");
}

#[test]
fn a_wrong_command_line_is_refused() {
    for words in [
        &["create"][..],
        &["create", "--bundle"],
        &["run", "--preserve-fds", "-1", "x"],
        &["run", "--preserve-fds", "99999999999", "x"],
        &["--log-format", "xml", "list"],
        &["kill", "x", "NOSUCH"],
        &["exec", "--user", "nobody:", "x", "true"],
        &["exec", "x"],
        &["nosuch"],
    ] {
        let output = Command::new(RUNTIME).args(["--root", "/nonexistent"]).args(words).output().unwrap();
        assert!(!output.status.success(), "{words:?} is accepted");
        assert!(!errors(&output).is_empty() && !errors(&output).contains("panicked"), "{}", errors(&output));
    }
}
