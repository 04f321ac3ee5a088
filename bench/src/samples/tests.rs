use super::*;
use crate::report::example;
use serde_json::{Value, json};

fn schema() -> jsonschema::Validator {
    let schema = serde_json::from_str(include_str!("../../schema/samples.schema.json")).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// A file that uses every optional field.
fn full() -> SamplesFile {
    let mut file = example::without(Stack::Unikernel);
    file.partial = Some("interrupted after 50 rounds".into());
    file.samples[3].invalid = Some("exit status 1".into());
    file.memory = Some(crate::memory::ledger::example::section());
    file
}

#[test]
fn what_the_code_writes_is_what_the_schema_describes() {
    let parts = [example::with_tax(), example::with_density(), example::with_ladder()];
    for file in parts.into_iter().chain([example::run(), example::with_peers(), full()]) {
        let value: Value = serde_json::from_slice(&file.to_json()).unwrap();
        let errors: Vec<_> = schema().iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_schema_refuses_doctored_files() {
    let sound = serde_json::to_value(full()).unwrap();
    assert!(schema().is_valid(&sound));
    let doctored = |at: &str, value: Value| {
        let mut file = sound.clone();
        *file.pointer_mut(at).unwrap() = value;
        file
    };
    for (at, value) in [
        ("/schema_version", json!(3)),
        ("/seed", json!(-1)),
        ("/commit/dirty", json!("no")),
        ("/probe_ns", json!({"chroot": [1]})),
        ("/probe_ns/process/0", json!(0.5)),
        ("/samples/0/stack", json!("chroot")),
        ("/samples/0/workload", json!("cpu")),
        ("/samples/0/marks_ns/spawn", json!(5)),
        ("/samples/0/marks_ns/begin", json!("soon")),
        ("/samples/0/exit/status", json!(256)),
        ("/samples/0/warmup", Value::Null),
        ("/unavailable/0/fix", Value::Null),
        ("/counts/stacks/container-floor/traced/0/syscalls/mount", json!(-3)),
        ("/counts/stacks/container-floor/traced/0/tasks", json!(0)),
        ("/counts/workload", json!("cpu")),
        ("/partial", json!("")),
        ("/memory/workload", json!("sleep")),
        ("/memory/fleets/0/points/0/machine/available_kib", json!(-1)),
        ("/memory/fleets/0/points/0/charged/usage_bytes", json!(0.5)),
    ] {
        assert!(!schema().is_valid(&doctored(at, value.clone())), "{at} = {value} went through");
    }
    for (object, field) in [
        ("", "seed"),
        ("/samples/0", "exit"),
        ("/commit", "dirty"),
        ("/host", "kernel"),
        ("/memory/fleets/0/points/3", "processes"),
    ] {
        let mut file = sound.clone();
        assert!(file.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(field).is_some());
        assert!(!schema().is_valid(&file), "{object} without {field} went through");
        let mut file = sound.clone();
        file.pointer_mut(object).unwrap().as_object_mut().unwrap().insert("extra".into(), json!(1));
        assert!(!schema().is_valid(&file), "{object} with a field more went through");
    }
}

#[test]
fn the_schema_refuses_a_doctored_ladder() {
    let sound = serde_json::to_value(example::with_ladder()).unwrap();
    for (at, value) in [
        ("/ladder/warmup", json!(-1)),
        ("/ladder/launches/0/rung", json!("stilts")),
        ("/ladder/launches/0/marks_ns/begin", json!("soon")),
        ("/ladder/launches/0/exit/status", json!(256)),
        ("/ladder/absent/0/fix", json!("")),
    ] {
        let mut file = sound.clone();
        *file.pointer_mut(at).unwrap() = value.clone();
        assert!(!schema().is_valid(&file), "{at} = {value} went through");
    }
}

#[test]
fn the_schema_refuses_a_doctored_density() {
    let mut file = example::with_density();
    file.density.as_mut().unwrap().fills[0].wrong.push("instance 3 ended too early".into());
    let sound = serde_json::to_value(file).unwrap();
    assert!(schema().is_valid(&sound));
    for (at, value) in [
        ("/density/at_once", json!(0)),
        ("/density/budget_bytes", json!(-1)),
        ("/density/bursts/0/stack", json!("chroot")),
        ("/density/bursts/0/took_ns", json!(1.5)),
        ("/density/fills/0/stopped", json!("bored")),
        ("/density/fills/0/points/0/available_bytes", Value::Null),
        ("/density/fills/0/launches/0/begin_ns", json!(-1)),
        ("/density/fills/0/wrong", json!([])),
        ("/density/fills/0/need", json!({"instances": 8})),
    ] {
        let mut doctored = sound.clone();
        *doctored.pointer_mut(at).unwrap() = value.clone();
        assert!(!schema().is_valid(&doctored), "{at} = {value} went through");
    }
}

#[test]
fn a_file_is_read_back_as_it_was_written_one_launch_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.json");
    let file = full();
    file.write(&path).unwrap();
    let read = SamplesFile::read(&path).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&file).unwrap());
    let text = fs::read_to_string(&path).unwrap();
    let launches = text.lines().filter(|line| line.contains("\"marks_ns\"")).count();
    assert_eq!(launches, file.samples.len());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no other file is left");
}

#[test]
fn another_version_and_another_kind_of_file_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.json");
    let refusal = |text: &str| {
        fs::write(&path, text).unwrap();
        let error = SamplesFile::read(&path).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        error
    };
    assert!(matches!(refusal(r#"{"schema_version": 9}"#), SamplesError::Version { found: 9, .. }));
    assert!(matches!(refusal(r#"{"schema_version": 2}"#), SamplesError::Parse { .. }));
    assert!(matches!(refusal("boom"), SamplesError::Parse { .. }));
    fs::remove_file(&path).unwrap();
    assert!(matches!(SamplesFile::read(&path), Err(SamplesError::Read { .. })));
}

#[test]
fn doctored_files_are_refused_with_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.json");
    let refusal = |doctor: &dyn Fn(&mut SamplesFile)| {
        let mut file = example::run();
        doctor(&mut file);
        file.write(&path).unwrap();
        match SamplesFile::read(&path) {
            Err(error @ SamplesError::Flawed { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let says = |doctor: &dyn Fn(&mut SamplesFile), words: &str| {
        let said = refusal(doctor);
        assert!(said.contains(words) && said.contains(path.to_str().unwrap()), "{said}");
    };
    says(&|file| drop(file.samples.remove(40)), "has 61 launches where others have 62");
    says(
        &|file| file.samples.retain(|launch| launch.stack != Stack::Container || launch.order < 200),
        "where others",
    );
    says(&|file| file.samples.insert(41, file.samples[40].clone()), "launch 40 is there twice");
    says(&|file| file.samples.swap(10, 20), "comes after launch 20");
    says(&|file| file.samples[30].marks_ns.set(Mark::Begin, -5), "has a negative span, from Spawn to Begin");
    says(&|file| file.samples[30].marks_ns.set(Mark::Spawn, 5), "does not begin at its spawn");
    says(
        &|file| file.samples[30].marks_ns = serde_json::from_str(r#"{"spawn": 0}"#).unwrap(),
        "has no mark Begin",
    );
    says(&|file| file.samples[30].exit.status = 1, "ended with status 1 and is not marked");
    says(&|file| file.samples[30].warmup = true, "2 launches of warm-up");
    says(&|file| file.warmup = 3, "3 launches of warm-up");
    let unavailable = Unavailable { stack: Stack::Process, reason: "none".into(), fix: "none".into() };
    says(&|file| file.unavailable.push(unavailable.clone()), "process is said to be unavailable");
    let mut text = String::from_utf8(example::run().to_json()).unwrap();
    text = text.replace("\"container\"", "\"chroot\"");
    fs::write(&path, text).unwrap();
    let said = SamplesFile::read(&path).unwrap_err().to_string();
    assert!(said.contains("there is no stack \"chroot\""), "{said}");
}

#[test]
fn a_run_that_was_interrupted_or_has_invalid_launches_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.json");
    let mut file = example::run();
    file.partial = Some("it was interrupted".into());
    file.samples.truncate(178);
    file.samples[30].invalid = Some("it ended with status 1".into());
    file.samples[30].marks_ns = serde_json::from_str(r#"{"spawn": 0, "reaped": 7}"#).unwrap();
    file.write(&path).unwrap();
    SamplesFile::read(&path).unwrap();
    file.samples.truncate(3);
    file.write(&path).unwrap();
    SamplesFile::read(&path).unwrap();
}

#[test]
fn a_write_that_fails_leaves_the_old_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.json");
    // A folder of that name can't be replaced by a file: the rename fails after the data was written.
    fs::create_dir(&path).unwrap();
    let error = example::run().write(&path).unwrap_err();
    assert!(error.to_string().starts_with(&format!("writing samples {}", path.display())), "{error}");
    assert!(path.is_dir());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
