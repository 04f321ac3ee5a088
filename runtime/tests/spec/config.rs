//! bundle.md and config.md: the file itself, versions, root, hostname, annotations, extensibility, valid values.

use crate::common::bundle::Bundle;
use crate::common::refusal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

/// bundle.md: the configuration "MUST reside in the root of the bundle directory and MUST be named config.json".
#[test]
fn a_bundle_has_a_config_json() {
    let Some(bundle) = Bundle::new("config_absent") else { return };
    let path = bundle.path();
    let line = refusal(&bundle.call(&["create", "--bundle", path.to_str().unwrap(), &bundle.id]), 1);
    assert!(line.contains("config.json"), "{line}");
    fs::create_dir(bundle.beside("config.json")).unwrap();
    refusal(&bundle.call(&["create", "--bundle", path.to_str().unwrap(), &bundle.id]), 1);
}

/// "ociVersion (string, REQUIRED) MUST be in `SemVer` v2.0.0 format"; the 1.x series is compatible.
#[test]
fn the_version_is_checked() {
    let Some(mut bundle) = Bundle::new("config_version") else { return };
    for wrong in [
        json!("invalid"),
        json!(""),
        json!("1"),
        json!("1.0"),
        json!("2.0.0"),
        json!("0.9.0"),
        json!("01.0.0"),
        json!(1),
        Value::Null,
    ] {
        bundle.config["ociVersion"] = wrong.clone();
        let line = bundle.refuses(&wrong);
        assert!(line.contains("ociVersion") || line.contains("config.json"), "{wrong}: {line}");
    }
    bundle.config.as_object_mut().unwrap().remove("ociVersion");
    bundle.refuses("no ociVersion");
    for right in ["1.0.0", "1.0.2-dev", "1.1.0-rc.1", "1.2.1", "1.3.0", "1.3.0+build.7"] {
        bundle.config["ociVersion"] = json!(right);
        bundle.lives();
    }
}

/// "Runtimes that are reading or processing this configuration file MUST NOT generate an error if they encounter an unknown
/// property", nor an unknown annotation key.
#[test]
fn what_is_unknown_is_ignored() {
    let Some(mut bundle) = Bundle::new("config_unknown") else { return };
    for place in ["", "/process", "/process/user", "/root", "/linux", "/linux/resources", "/mounts/0"] {
        bundle.config.pointer_mut(place).unwrap()["unknown"] = json!({ "deep": [1, null, "x"] });
    }
    bundle.config["annotations"] = json!({ "com.example.unknown": "", "x": "y" });
    bundle.config["hooks"] = json!({ "unknownPoint": [{ "path": "relative" }] });
    bundle.lives();
}

/// "Runtimes … MUST generate an error when invalid or unsupported values are encountered."
#[test]
fn invalid_values_are_errors() {
    let Some(bundle) = Bundle::new("config_invalid") else { return };
    let good = bundle.config.clone();
    let mut bundle = bundle;
    for (place, wrong) in [
        ("/process", json!("text")),
        ("/process/args", json!([])),
        ("/process/args", json!("true")),
        ("/process/cwd", json!("relative")),
        ("/process/cwd", json!("")),
        ("/process/env", json!("A=b")),
        ("/process/args/0", json!("tr\u{0}ue")),
        ("/process/user/uid", json!(-1)),
        ("/process/user/uid", json!("root")),
        ("/root/path", json!("")),
        ("/root/path", json!(7)),
        ("/hostname", json!("x".repeat(65))),
        ("/mounts/0/destination", json!("")),
        ("/linux/namespaces/0/type", json!("nothing")),
        ("/linux/maskedPaths/0", json!("relative")),
        ("/linux/readonlyPaths/0", json!("relative")),
        ("/annotations", json!([])),
        ("/annotations", json!({ "": "empty key" })),
        ("/annotations", json!({ "key": 7 })),
    ] {
        bundle.config = good.clone();
        match bundle.config.pointer_mut(place) {
            Some(value) => *value = wrong.clone(),
            None => bundle.config[&place[1..]] = wrong.clone(),
        }
        let line = bundle.refuses((place, &wrong));
        assert!(!line.contains("panicked"), "{place} = {wrong}: {line}");
    }
}

/// Broken text: cut short, not JSON, not UTF-8, nested without end, huge: one line each, and nothing left.
#[test]
fn a_broken_file_is_one_clear_error() {
    let Some(bundle) = Bundle::new("config_broken") else { return };
    let good = bundle.config.to_string();
    let deep = format!("{{\"ociVersion\":\"1.0.0\",\"x\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let huge = format!("{{\"ociVersion\":\"1.0.0\",\"x\":\"{}\"}}", "x".repeat(64 << 20));
    let path = bundle.path();
    for text in [
        b"".as_slice(),
        b"null",
        b"[]",
        b"\xff\xfe",
        &good.as_bytes()[..good.len() / 2],
        deep.as_bytes(),
        huge.as_bytes(),
    ] {
        fs::write(bundle.beside("config.json"), text).unwrap();
        let line = refusal(&bundle.call(&["create", "--bundle", path.to_str().unwrap(), &bundle.id]), 1);
        assert!(line.contains("config.json") && line.len() < 2000, "{line}");
        bundle.must_fail("state", &[]);
    }
}

/// Root: "A directory MUST exist at the path declared by the field"; "On all other platforms, this field is REQUIRED".
#[test]
fn the_root_exists() {
    let Some(mut bundle) = Bundle::new("root_exists") else { return };
    fs::write(bundle.beside("file"), "").unwrap();
    for wrong in ["nothing", "file", "/no/such/root"] {
        bundle.config["root"]["path"] = json!(wrong);
        let line = bundle.refuses(wrong);
        assert!(line.contains(wrong), "{line}");
    }
    bundle.config.as_object_mut().unwrap().remove("root");
    let line = bundle.refuses("no root");
    assert!(line.contains("root"), "{line}");
}

/// "path is either an absolute path or a relative path to the bundle", a link to a folder too, and the bundle itself.
#[test]
fn the_root_is_relative_to_the_bundle_or_absolute() {
    let Some(mut bundle) = Bundle::new("root_path") else { return };
    symlink("root", bundle.beside("link")).unwrap();
    symlink("root/bin", bundle.beside("bin")).unwrap();
    for path in ["root".to_string(), "./root/".into(), "link".into(), bundle.inside("").display().to_string()]
    {
        bundle.config["root"]["path"] = json!(path);
        assert!(bundle.says("ls /bin").contains("busybox"), "{path}");
    }
    bundle.config["root"]["path"] = json!(".");
    assert!(bundle.says("/bin/ls /").contains("config.json"));
}

/// "readonly (bool, OPTIONAL) If true then the root filesystem MUST be read-only inside the container, defaults to false."
#[test]
fn a_readonly_root_cannot_be_written() {
    let Some(mut bundle) = Bundle::new("root_readonly") else { return };
    let script = "touch /new 2>&1; touch /dev/shm/new && echo shm";
    bundle.config["root"]["readonly"] = json!(true);
    let said = bundle.says(script);
    assert!(said.contains("Read-only file system") && said.contains("shm"), "{said}");
    assert!(!bundle.inside("new").exists());
    bundle.config["root"]["readonly"] = json!(false);
    assert_eq!(bundle.says(script), "shm\n");
    assert!(bundle.inside("new").exists());
}

/// Hostname and domainname of the container's UTS namespace; the host keeps its own.
#[test]
fn the_container_has_its_names() {
    let Some(mut bundle) = Bundle::new("names") else { return };
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    bundle.config["hostname"] = json!("mrs-dalloway");
    bundle.config["domainname"] = json!("example.org");
    let said = bundle.says("cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname");
    assert_eq!(said, "mrs-dalloway\nexample.org\n");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), host);
    bundle.config["hostname"] = json!("");
    bundle.lives();
}
