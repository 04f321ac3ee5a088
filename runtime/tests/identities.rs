//! Identities: who inside is whom outside, and what an ordinary user may map.

mod common;

use common::bundle::Bundle;
use common::{Root, errors, skipped, text};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Output};

const NOBODY: u32 = 65534;

fn mapping(inside: u32, outside: u32, size: u32) -> Value {
    json!({ "containerID": inside, "hostID": outside, "size": size })
}

fn with_user_namespace(bundle: &mut Bundle, users: &[Value], groups: &[Value]) {
    let linux = &mut bundle.config["linux"];
    linux["namespaces"].as_array_mut().unwrap().push(json!({ "type": "user" }));
    linux["uidMappings"] = json!(users);
    linux["gidMappings"] = json!(groups);
    // Root inside must own the root, in which it makes what is missing.
    chown(bundle.inside(""), Some(100_000), Some(100_000)).unwrap();
}

#[test]
fn root_inside_is_somebody_else_outside_with_what_only_the_runtime_can_give() {
    let Some(mut bundle) = Bundle::new("identities_root") else { return };
    with_user_namespace(&mut bundle, &[mapping(0, 100_000, 1000)], &[mapping(0, 200_000, 1000)]);
    bundle.config["process"]["user"] = json!({ "uid": 5, "gid": 6, "additionalGids": [7] });
    bundle.config["process"]["oomScoreAdj"] = json!(500);
    let said = bundle
        .says("cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '; id -G; cat /proc/self/oom_score_adj");
    assert_eq!(said, " 0 100000 1000\n 0 200000 1000\n6 7\n500\n");
}

#[test]
fn exec_enters_the_user_namespace_too() {
    let Some(mut bundle) = Bundle::new("identities_exec") else { return };
    with_user_namespace(&mut bundle, &[mapping(0, 100_000, 1000)], &[mapping(0, 100_000, 1000)]);
    bundle.config["process"]["args"] = json!(["sleep", "1000"]);
    bundle.create();
    bundle.must("start", &[]);
    let output = bundle.call(&["exec", &bundle.id, "sh", "-c", "id -u; cat /proc/self/uid_map | tr -s ' '"]);
    assert_eq!((text(&output).as_str(), errors(&output).as_str()), ("0\n 0 100000 1000\n", ""));
}

#[test]
fn maps_that_cannot_be_are_refused_and_users_who_are_not_mapped_too() {
    let Some(mut bundle) = Bundle::new("identities_refused") else { return };
    let one = [mapping(0, 100_000, 10)];
    with_user_namespace(&mut bundle, &[mapping(0, 1, 10), mapping(5, 100, 10)], &one);
    assert!(bundle.refuses("overlapping").contains("overlap"));
    bundle.config["linux"]["uidMappings"] = json!([]);
    assert!(bundle.refuses("no maps").contains("linux.uidMappings"));
    bundle.config["linux"]["uidMappings"] = json!(one);
    bundle.config["process"]["user"] = json!({ "uid": 10, "gid": 0 });
    assert!(bundle.refuses("uid 10").contains("is not mapped"));
    bundle.config["process"]["user"] = json!({ "uid": 0, "gid": 0, "additionalGids": [10] });
    assert!(bundle.refuses("group 10").contains("is not mapped"));
}

/// Runs a script in nobody's container, on a host whose `/etc/subuid` and `/etc/subgid` say `table`.
fn as_nobody(root: &Root, table: &str, script: &str) -> std::io::Result<Output> {
    let file = root.beside("table");
    fs::write(&file, table).unwrap();
    let program = root.beside("isolab-runtime");
    common::copy_program(common::RUNTIME, &program);
    let state = root.beside("state");
    fs::create_dir_all(&state).unwrap();
    chown(&state, Some(NOBODY), Some(NOBODY)).unwrap();
    // The mounts are of a namespace that ends with the command.
    let host = r#"mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid && cd / &&
        exec setpriv --reuid 65534 --regid 65534 --clear-groups -- \
        "$2" --root "$3" contain --rootfs "$4" -- sh -c "$5""#;
    Command::new("unshare")
        .args(["--mount", "sh", "-c", host, "sh"])
        .args([&file, &program, &state, &root.path()])
        .arg(script)
        .output()
}

#[test]
fn a_user_maps_the_range_that_the_host_gives_him() {
    let test = "a_user_maps_the_range_that_the_host_gives_him";
    let Some(root) = Root::new(test) else { return };
    fs::set_permissions(root.beside(""), fs::Permissions::from_mode(0o755)).unwrap();
    if !Path::new("/usr/bin/newuidmap").exists() || !Path::new("/etc/subuid").exists() {
        return skipped(test, "needs newuidmap (Debian: uidmap) and /etc/subuid");
    }
    let map = "cat /proc/self/uid_map | tr -s ' '; cat /proc/self/setgroups";
    let Ok(alone) = as_nobody(&root, "somebody:300000:10\n", map) else {
        return skipped(test, "needs unshare and setpriv (util-linux)");
    };
    if !alone.status.success() {
        return skipped(test, &errors(&alone));
    }
    assert_eq!(text(&alone), " 0 65534 1\ndeny\n");
    let many = as_nobody(&root, "65534:300000:10\n", map).unwrap();
    assert_eq!((text(&many).as_str(), errors(&many).as_str()), (" 0 65534 1\n 1 300000 10\nallow\n", ""));
    // Root inside gives a file to somebody whom only the range has.
    let given = as_nobody(
        &root,
        "65534:300000:10\n",
        "touch /dev/shm/f && busybox chown 10:10 /dev/shm/f && echo given",
    );
    assert_eq!(text(&given.unwrap()), "given\n");
}
