//! config-linux.md, "Control groups": the path, and the resources that both versions have. Each is read back from its file.

use crate::common::bundle::Bundle;
use crate::common::skipped;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const MOUNT: &str = "/sys/fs/cgroup";

/// The folders of the groups that a process is in, the hierarchies' own folders left out.
pub(crate) fn of(pid: u64) -> Vec<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let folder = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let hierarchy = hierarchy(controllers)?;
        Some(hierarchy.join(path.trim_start_matches('/')))
    };
    text.lines().filter(|line| !own.lines().any(|other| other == *line)).filter_map(folder).collect()
}

/// Where a hierarchy is mounted.
fn hierarchy(controllers: &str) -> Option<PathBuf> {
    if controllers.is_empty() {
        let unified = Path::new(MOUNT).join("unified");
        return Some(if unified.exists() { unified } else { MOUNT.into() });
    }
    let path = Path::new(MOUNT).join(controllers.strip_prefix("name=").unwrap_or(controllers));
    path.exists().then_some(path)
}

/// The groups of that name, directly below a hierarchy.
pub(crate) fn named(name: &str) -> Vec<PathBuf> {
    let hierarchies = fs::read_dir(MOUNT).into_iter().flatten().flatten().map(|entry| entry.path());
    let places = hierarchies.chain([PathBuf::from(MOUNT)]).map(|hierarchy| hierarchy.join(name));
    places.filter(|place| place.exists()).collect()
}

fn version_two() -> bool {
    Path::new(MOUNT).join("cgroup.controllers").exists()
}

/// A value of the container's group, by the names of its file in version 1 and 2.
fn value(bundle: &Bundle, one: &str, two: &str) -> Option<String> {
    let file = if version_two() { two } else { one };
    let found = of(bundle.pid()).into_iter().map(|group| group.join(file)).find(|path| path.exists())?;
    Some(fs::read_to_string(found).unwrap().trim().to_string())
}

fn bundle(test: &str) -> Option<Bundle> {
    let mut bundle = Bundle::script(test, "sleep 60")?;
    if !crate::common::can_limit(test) {
        return None;
    }
    bundle.config["linux"]["cgroupsPath"] = json!(format!("/{}", bundle.id));
    Some(bundle)
}

/// Creates the container with these resources and reads the values back; the group is gone with the container.
fn holds(bundle: &mut Bundle, resources: Value, values: &[(&str, &str, &str)]) {
    bundle.config["linux"]["resources"] = resources;
    bundle.create();
    for (one, two, wanted) in values {
        if let Some(found) = value(bundle, one, two) {
            assert_eq!(&found, wanted, "{one} or {two}");
        } else {
            skipped(&bundle.id, &format!("this kernel has no {one} or {two}"));
        }
    }
    bundle.must("delete", &["--force"]);
    assert_eq!(named(&bundle.id), Vec::<PathBuf>::new());
}

/// "In the case of an absolute path, the runtime MUST take the path to be relative to the cgroups mount point."
#[test]
fn an_absolute_path_starts_at_the_mount_point() {
    let Some(mut bundle) = bundle("groups_absolute") else { return };
    let path = format!("/{}", bundle.id);
    holds(&mut bundle, json!({ "pids": { "limit": 64 } }), &[("pids.max", "pids.max", "64")]);
    bundle.create();
    let groups = of(bundle.pid());
    assert!(!groups.is_empty() && groups.iter().all(|group| group.ends_with(&path[1..])), "{groups:?}");
    assert!(!named(&bundle.id).is_empty());
}

/// A relative path: somewhere of the runtime's choice, the same for the same value, and the whole path is part of it.
#[test]
fn a_relative_path_is_always_the_same_place() {
    let Some(mut bundle) = bundle("groups_relative") else { return };
    let path = format!("{}/deeper/still", bundle.id);
    bundle.config["linux"]["cgroupsPath"] = json!(path);
    let mut places = Vec::new();
    for _ in 0..2 {
        bundle.create();
        let groups = of(bundle.pid());
        assert!(!groups.is_empty() && groups.iter().all(|group| group.ends_with(&path)), "{groups:?}");
        places.push(groups);
        bundle.must("delete", &["--force"]);
    }
    assert_eq!(places[0], places[1]);
}

/// "Runtimes MAY consider certain cgroupsPath values to be invalid, and MUST generate an error if this is the case."
#[test]
fn a_path_that_climbs_is_an_error() {
    let Some(mut bundle) = bundle("groups_climb") else { return };
    for wrong in ["../outside", "/a/../../b", "a/./../../c"] {
        bundle.config["linux"]["cgroupsPath"] = json!(wrong);
        bundle.refuses(wrong);
    }
}

/// Memory: limit, reservation, swap (of both together), swappiness, the killer.
#[test]
fn memory_is_limited() {
    let Some(mut bundle) = bundle("groups_memory") else { return };
    let (limit, more) = (50_593_792, 150_781_952);
    holds(
        &mut bundle,
        json!({ "memory": { "limit": limit, "reservation": limit, "swap": more } }),
        &[
            ("memory.limit_in_bytes", "memory.max", "50593792"),
            ("memory.soft_limit_in_bytes", "memory.low", "50593792"),
            (
                "memory.memsw.limit_in_bytes",
                "memory.swap.max",
                if version_two() { "100188160" } else { "150781952" },
            ),
        ],
    );
    if !version_two() {
        holds(
            &mut bundle,
            json!({ "memory": { "limit": limit, "swappiness": 10 } }),
            &[("memory.swappiness", "", "10")],
        );
        // Limits of kernel memory are "NOT RECOMMENDED" and gone from new kernels: no reason to fail.
        let kernel =
            json!({ "memory": { "limit": limit, "swap": limit, "kernel": limit, "kernelTCP": limit } });
        holds(&mut bundle, kernel, &[("memory.limit_in_bytes", "", "50593792")]);
    }
}

/// CPU: shares, quota and period, processors and memory nodes.
#[test]
fn processors_are_limited() {
    let Some(mut bundle) = bundle("groups_cpu") else { return };
    for (quota, period) in [(50_000, 100_000), (200_000, 100_000), (50_000, 500_000), (200_000, 500_000)] {
        let two = format!("{quota} {period}");
        let shown = if version_two() { two } else { quota.to_string() };
        holds(
            &mut bundle,
            json!({ "cpu": { "quota": quota, "period": period } }),
            &[("cpu.cfs_quota_us", "cpu.max", &shown)],
        );
    }
    let weight = if version_two() { "174" } else { "2048" };
    holds(
        &mut bundle,
        json!({ "cpu": { "shares": 2048, "cpus": "0", "mems": "0" } }),
        &[
            ("cpu.shares", "cpu.weight", weight),
            ("cpuset.cpus", "cpuset.cpus", "0"),
            ("cpuset.mems", "cpuset.mems", "0"),
        ],
    );
    holds(&mut bundle, json!({ "cpu": {} }), &[]);
}

/// The number of processes: a limit, and none.
#[test]
fn processes_are_counted() {
    let Some(mut bundle) = bundle("groups_pids") else { return };
    holds(&mut bundle, json!({ "pids": { "limit": 1000 } }), &[("pids.max", "pids.max", "1000")]);
    holds(&mut bundle, json!({ "pids": { "limit": -1 } }), &[("pids.max", "pids.max", "max")]);
}

/// "The runtime MUST apply entries in the listed order": what the container may do with device nodes, both ways.
#[test]
fn devices_are_allowed_in_the_listed_order() {
    let Some(mut bundle) = bundle("groups_devices") else { return };
    bundle.config["process"]["capabilities"] = ["bounding", "effective", "permitted"]
        .map(|set| (set.to_string(), json!(["CAP_MKNOD", "CAP_SYSLOG"])))
        .into_iter()
        .collect();
    // /dev/kmsg is 1:11, /dev/port 1:4
    let script = "mknod /dev/a c 1 11; mknod /dev/b c 1 4; dd if=/dev/a of=/dev/null count=0 2>/dev/null && echo a; \
        dd if=/dev/b of=/dev/null count=0 2>/dev/null && echo b; echo x > /dev/null && echo null";
    let script = script.replace("mknod", "busybox mknod");
    let rule = |allow: bool, minor: i64| json!({ "allow": allow, "type": "c", "major": 1, "minor": minor, "access": "rwm" });
    let none = json!({ "allow": false, "access": "rwm" });
    bundle.config["linux"]["resources"] = json!({ "devices": [none, rule(true, 11)] });
    assert_eq!(bundle.says(&script), "a\nnull\n");
    bundle.config["linux"]["resources"] = json!({ "devices": [none, rule(true, 11), rule(false, 11)] });
    assert_eq!(bundle.says(&script), "null\n");
}

/// Version 1 shows the rules: the configured ones first, in their order.
#[test]
fn the_list_of_devices_begins_with_the_configured_ones() {
    let Some(mut bundle) = bundle("groups_device_list") else { return };
    if version_two() {
        skipped("the_list_of_devices_begins_with_the_configured_ones", "version 2 has no such list");
        return;
    }
    bundle.config["linux"]["resources"] = json!({ "devices": [
        { "allow": false, "access": "rwm" },
        { "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm" },
        { "allow": true, "type": "b", "major": 8, "minor": 20, "access": "rw" },
        { "allow": true, "type": "b", "major": 10, "minor": 200, "access": "r" }
    ] });
    bundle.create();
    let list = value(&bundle, "devices.list", "").unwrap();
    let first: Vec<_> = list.lines().take(3).collect();
    assert_eq!(first, ["c 10:229 rwm", "b 8:20 rw", "b 10:200 r"]);
}

/// Huge pages: a size that this machine has not is an error.
#[test]
fn a_page_size_that_is_not_there_is_an_error() {
    let Some(mut bundle) = bundle("groups_pages") else { return };
    bundle.config["linux"]["resources"] =
        json!({ "hugepageLimits": [{ "pageSize": "3MB", "limit": 1 << 30 }] });
    let line = bundle.refuses("3MB");
    assert!(line.contains("3MB"), "{line}");
}

/// unified: any file of version 2; of a controller that is not there, or on version 1, an error.
#[test]
fn any_file_of_version_two_can_be_written() {
    let Some(mut bundle) = bundle("groups_unified") else { return };
    if version_two() {
        let all =
            json!({ "pids": { "limit": 10 }, "unified": { "pids.max": "99", "memory.high": "20971520" } });
        holds(&mut bundle, all, &[("", "pids.max", "99"), ("", "memory.high", "20971520")]);
        bundle.config["linux"]["resources"] = json!({ "unified": { "../memory.high": "1" } });
        bundle.refuses("../memory.high");
    }
    bundle.config["linux"]["resources"] = json!({ "unified": { "nonexistent.max": "1" } });
    bundle.refuses("nonexistent.max");
}

/// What a controller that this machine has not is asked for is an error that names the property.
#[test]
fn an_absent_controller_is_an_error() {
    let Some(mut bundle) = bundle("groups_absent") else { return };
    bundle.config["linux"]["resources"] = json!({ "network": { "classID": 255 } });
    if Path::new(MOUNT).join("net_cls").exists() {
        skipped("an_absent_controller_is_an_error", "this machine has net_cls");
        return;
    }
    let line = bundle.refuses("network.classID");
    assert!(line.contains("network"), "{line}");
}
