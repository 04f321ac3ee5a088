//! config-linux.md, "Namespaces", "User namespace mappings", "Offset for Time Namespace" and "Network Devices".

use crate::common::bundle::Bundle;
use crate::common::{eventually, skipped};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The configuration's names, and those of the kernel.
const KINDS: [(&str, &str); 7] = [
    ("cgroup", "cgroup"),
    ("ipc", "ipc"),
    ("mount", "mnt"),
    ("network", "net"),
    ("pid", "pid"),
    ("user", "user"),
    ("uts", "uts"),
];

/// Root of a user namespace makes no folders in a root that is not his: they are there, as in every image.
fn mount_points(bundle: &Bundle) {
    for name in ["dev", "proc", "sys"] {
        fs::create_dir(bundle.inside(name)).unwrap();
    }
}

fn namespace(process: &str, kind: &str) -> PathBuf {
    fs::read_link(format!("/proc/{process}/ns/{kind}")).unwrap()
}

/// "If path is not specified, the runtime MUST create a new container namespace of type type."
#[test]
fn namespaces_without_a_path_are_new() {
    let Some(mut bundle) = Bundle::new("namespaces_new") else { return };
    mount_points(&bundle);
    let all = KINDS.map(|(name, _)| json!({ "type": name }));
    bundle.config["linux"]["namespaces"] = json!(all);
    for ids in ["uidMappings", "gidMappings"] {
        bundle.config["linux"][ids] = json!([{ "containerID": 0, "hostID": 1000, "size": 1000 }]);
    }
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] != "cgroup");
    bundle.create();
    let pid = bundle.pid().to_string();
    for (_, kind) in KINDS {
        assert_ne!(namespace(&pid, kind), namespace("self", kind), "{kind}");
    }
}

/// "If a namespace type is not specified in the namespaces array, the container MUST inherit the runtime namespace of that
/// type": all of them, the mount namespace too. Nothing of it is left when the container is deleted.
#[test]
fn namespaces_that_are_not_named_are_inherited() {
    let Some(mut bundle) = Bundle::script("namespaces_inherited", "cat /inside; sleep 60") else { return };
    fs::write(bundle.inside("inside"), "the root\n").unwrap();
    bundle.config["linux"]["namespaces"] = json!([]);
    for absent in ["maskedPaths", "readonlyPaths"] {
        bundle.config["linux"].as_object_mut().unwrap().remove(absent);
    }
    bundle.config.as_object_mut().unwrap().remove("hostname");
    let before = fs::read_to_string("/proc/self/mountinfo").unwrap();
    bundle.create();
    let pid = bundle.pid().to_string();
    for (_, kind) in KINDS {
        assert_eq!(namespace(&pid, kind), namespace("self", kind), "{kind}");
    }
    bundle.must("start", &[]);
    eventually("printed", || bundle.printed() == "the root\n");
    bundle.must("kill", &["KILL"]);
    bundle.must("delete", &[]);
    let own = bundle.path();
    let after = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!after.contains(own.to_str().unwrap()), "mounts are left");
    // The host's own mounts kept their propagation.
    let root = |text: &str| text.lines().find(|line| line.split(' ').nth(4) == Some("/")).map(str::to_string);
    assert_eq!(root(&after), root(&before));
}

/// A process in a namespace of its own, which reads until this drops.
struct Holder(Child);

impl Holder {
    fn new(option: &str) -> Self {
        let mut command = Command::new("unshare");
        Self(command.args([option, "-f", "cat"]).stdin(Stdio::piped()).spawn().unwrap())
    }

    /// Whether it could have one.
    fn holds(&mut self, path: &str, own: &Path) -> bool {
        let mut ended = false;
        eventually("unshared", || {
            ended = self.0.try_wait().unwrap().is_some();
            ended || fs::read_link(path).is_ok_and(|link| link != own)
        });
        !ended
    }

    fn path(&self, kind: &str) -> String {
        let suffix = if kind == "pid" { "_for_children" } else { "" };
        format!("/proc/{}/ns/{kind}{suffix}", self.0.id())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // This closes the pipe.
        let _ = self.0.wait();
    }
}

/// "The runtime MUST place the container process in the namespace associated with that path."
#[test]
fn the_container_joins_namespaces_by_path() {
    for (name, kind, option) in [
        ("ipc", "ipc", "--ipc"),
        ("mount", "mnt", "--mount"),
        ("network", "net", "--net"),
        ("pid", "pid", "--pid"),
        ("uts", "uts", "--uts"),
        ("cgroup", "cgroup", "--cgroup"),
    ] {
        let Some(mut bundle) = Bundle::new("namespaces_join") else { return };
        let mut holder = Holder::new(option);
        let path = holder.path(kind);
        let own = namespace("self", kind);
        if !holder.holds(&path, &own) {
            skipped("the_container_joins_namespaces_by_path", &format!("unshare does not know {option}"));
            continue;
        }
        let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|each| each["type"] != name);
        namespaces.push(json!({ "type": name, "path": path }));
        bundle.create();
        assert_eq!(namespace(&bundle.pid().to_string(), kind), fs::read_link(&path).unwrap(), "{name}");
        bundle.must("start", &[]);
        bundle.wait();
        bundle.must("delete", &[]);
    }
}

/// A path that a bind mount keeps, as engines and `ip netns` have it: its name does not say what it is.
#[test]
fn the_path_may_be_a_bind_mount() {
    let Some(mut bundle) = Bundle::script("namespaces_mounted", "readlink /proc/self/ns/net") else { return };
    let file = bundle.beside("net");
    fs::write(&file, "").unwrap();
    let kept = Command::new("unshare").arg(format!("--net={}", file.display())).arg("true").status();
    if !kept.is_ok_and(|status| status.success()) {
        skipped("the_path_may_be_a_bind_mount", "unshare keeps no network namespace here");
        return;
    }
    let number = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&file).unwrap());
    let list = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
    list.retain(|namespace| namespace["type"] != "network");
    list.push(json!({ "type": "network", "path": file }));
    let said = bundle.lives();
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().last_mut().unwrap()["type"] = json!("user");
    let line = bundle.refuses("a namespace of another type");
    assert!(Command::new("umount").arg(&file).status().unwrap().success());
    assert_eq!(said, format!("net:[{number}]\n"));
    assert!(line.contains("not a namespace of type user"), "{line}");
}

/// "The runtime MUST generate an error if path is not associated with a namespace of type type"; the path is absolute; "If a
/// namespaces field contains duplicated namespaces with same type, the runtime MUST generate an error."
#[test]
fn wrong_and_double_namespaces_are_errors() {
    let Some(mut bundle) = Bundle::new("namespaces_wrong") else { return };
    let good = bundle.config["linux"]["namespaces"].clone();
    for (name, kind) in [
        ("cgroup", "ipc"),
        ("ipc", "mnt"),
        ("mount", "net"),
        ("network", "pid"),
        ("pid", "user"),
        ("user", "uts"),
        ("uts", "cgroup"),
    ] {
        let mut namespaces = good.as_array().unwrap().clone();
        namespaces.retain(|each| each["type"] != name);
        namespaces.push(json!({ "type": name, "path": format!("/proc/self/ns/{kind}") }));
        bundle.config["linux"]["namespaces"] = json!(namespaces);
        bundle.refuses((name, kind));
    }
    for path in ["proc/self/ns/net", "/no/such/namespace", "/etc/passwd"] {
        bundle.config["linux"]["namespaces"] =
            json!([{ "type": "mount" }, { "type": "network", "path": path }]);
        bundle.refuses(path);
    }
    bundle.config["linux"]["namespaces"] = json!([{ "type": "mount" }, { "type": "pid" }, { "type": "pid" }]);
    let line = bundle.refuses("two pid namespaces");
    assert!(line.contains("pid"), "{line}");
}

/// The mappings of the user namespace are the configured ones, and the default devices are there all the same.
#[test]
fn identities_are_mapped_as_configured() {
    let Some(mut bundle) = Bundle::new("namespaces_mapping") else { return };
    mount_points(&bundle);
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({ "type": "user" }));
    bundle.config["linux"]["uidMappings"] = json!([{ "containerID": 0, "hostID": 1000, "size": 2000 },
        { "containerID": 5000, "hostID": 9000, "size": 1 }]);
    bundle.config["linux"]["gidMappings"] = json!([{ "containerID": 0, "hostID": 1000, "size": 3000 }]);
    let said = bundle.says(
        "cat /proc/self/uid_map; echo; cat /proc/self/gid_map; id -u; echo x > /dev/null; \
        busybox stat -c '%F %t %T' /dev/zero",
    );
    let words: Vec<_> = said.split_whitespace().collect();
    assert_eq!(words[..9], ["0", "1000", "2000", "5000", "9000", "1", "0", "1000", "3000"], "{said}");
    assert!(said.ends_with("0\ncharacter special file 1 5\n"), "{said}");
    bundle.config["linux"].as_object_mut().unwrap().remove("uidMappings");
    let line = bundle.refuses("no uidMappings");
    assert!(line.contains("uidMappings"), "{line}");
}

/// timeOffsets of a time namespace.
#[test]
fn clocks_are_moved() {
    let Some(mut bundle) = Bundle::new("namespaces_time") else { return };
    if !fs::exists("/proc/self/ns/time").unwrap() {
        skipped("clocks_are_moved", "this kernel has no time namespaces");
        return;
    }
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({ "type": "time" }));
    bundle.config["linux"]["timeOffsets"] = json!({ "boottime": { "secs": 1_000_000, "nanosecs": 0 } });
    let uptime: f64 = bundle.says("cat /proc/uptime").split(' ').next().unwrap().parse().unwrap();
    assert!(uptime >= 1_000_000.0, "{uptime}");
}

/// A network device moves into the container, under its new name, up, and with its permanent addresses.
#[test]
fn network_devices_move_into_the_container() {
    let Some(mut bundle) = Bundle::new("namespaces_devices") else { return };
    let [old, new] = ["x", "y"].map(|letter| format!("iso{letter}{}", std::process::id()));
    let ip =
        |words: &[&str]| Command::new("ip").args(words).output().is_ok_and(|output| output.status.success());
    if !ip(&["link", "add", &old, "type", "dummy"]) {
        skipped("network_devices_move_into_the_container", "no dummy network device can be made here");
        return;
    }
    assert!(ip(&["addr", "add", "198.51.100.7/24", "dev", &old]));
    bundle.config["linux"]["netDevices"] = json!({ old.clone(): { "name": new } });
    let said = bundle.says(&format!("ip addr show {new}"));
    let gone = !ip(&["link", "show", &old]);
    let _ = ip(&["link", "del", &old]);
    assert!(gone, "it is still on the host");
    assert!(said.contains("198.51.100.7/24") && said.contains("UP"), "{said}");
    let line = bundle.refuses("an absent device");
    assert!(line.contains(&old), "a device that is not there: {line}");
}
