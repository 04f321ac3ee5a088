//! Every property in its file, and what cannot be had refused by its name.

use super::{create, host, is_v1, path, resources};
use crate::common::{eventually, folders_named, skipped};
use serde_json::json;
use std::path::{Path, PathBuf};

#[test]
fn every_limit_is_in_its_file() {
    let test = "every_limit_is_in_its_file";
    let Some(mode) = host(test) else { return };
    let group = create(
        test,
        json!({
            "memory": { "limit": 64 << 20, "reservation": 32 << 20, "swap": 96 << 20 },
            "cpu": { "shares": 2048, "quota": 40_000, "period": 80_000, "burst": 10_000, "cpus": "0", "mems": "0" },
            "pids": { "limit": 17 },
        }),
    )
    .unwrap();
    let expected: &[(&str, &str)] = if is_v1(mode) {
        &[
            ("memory.limit_in_bytes", "67108864"),
            ("memory.soft_limit_in_bytes", "33554432"),
            ("memory.memsw.limit_in_bytes", "100663296"),
            ("cpu.shares", "2048"),
            ("cpu.cfs_quota_us", "40000"),
            ("cpu.cfs_period_us", "80000"),
            ("cpu.cfs_burst_us", "10000"),
        ]
    } else {
        &[
            ("memory.max", "67108864"),
            ("memory.low", "33554432"),
            ("memory.swap.max", "33554432"),
            ("cpu.weight", "174"),
            ("cpu.max", "40000 80000"),
            ("cpu.max.burst", "10000"),
        ]
    };
    for (file, value) in
        expected.iter().chain(&[("pids.max", "17"), ("cpuset.cpus", "0"), ("cpuset.mems", "0")])
    {
        match group.read(file) {
            Some(found) => assert_eq!(found, *value, "{file}"),
            None => skipped(test, &format!("this kernel has no {file}")),
        }
    }
}

#[test]
fn huge_pages_of_a_size_that_there_is_are_limited() {
    let test = "huge_pages_of_a_size_that_there_is_are_limited";
    let Some(_) = host(test) else { return };
    if !Path::new("/sys/kernel/mm/hugepages/hugepages-2048kB").exists() {
        return skipped(test, "this machine has no huge pages of 2 MiB");
    }
    let value = json!({ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4 << 20 }] });
    let group = match create(test, value) {
        Err(error) if error.line().contains("no cgroup controller hugetlb") => {
            return skipped(test, &error.line());
        }
        result => result.unwrap(),
    };
    let limit = group.read("hugetlb.2MB.max").or_else(|| group.read("hugetlb.2MB.limit_in_bytes"));
    assert_eq!(limit.as_deref(), Some("4194304"));
    if let Some(reserved) = group.read("hugetlb.2MB.rsvd.max") {
        assert_eq!(reserved, "4194304");
    }
}

#[test]
fn no_limit_and_no_process_have_their_words() {
    let test = "no_limit_and_no_process_have_their_words";
    let Some(mode) = host(test) else { return };
    let group =
        create(test, json!({ "memory": { "limit": -1 }, "pids": { "limit": -1 }, "cpu": { "quota": -1 } }))
            .unwrap();
    assert_eq!(group.read("pids.max").as_deref(), Some("max"));
    if is_v1(mode) {
        assert_eq!(group.read("cpu.cfs_quota_us").as_deref(), Some("-1"));
    } else {
        assert_eq!(group.read("memory.max").as_deref(), Some("max"));
        assert_eq!(group.read("cpu.max").as_deref(), Some("max 100000"));
    }
    drop(group);
    // One process is there before it can fork: none more may come.
    let group = create(test, json!({ "pids": { "limit": 0 } })).unwrap();
    assert_eq!(group.output("(echo forked) 2>/dev/null; echo end"), "");
    assert_eq!(group.read("pids.max").as_deref(), Some("1"));
}

#[test]
fn what_cannot_be_had_is_refused_by_name_and_leaves_nothing() {
    let test = "what_cannot_be_had_is_refused_by_name_and_leaves_nothing";
    let Some(mode) = host(test) else { return };
    let mut refused = vec![
        ("memory.limit", json!({ "memory": { "limit": -7 } })),
        ("cpu.cpus", json!({ "cpu": { "cpus": "0;1" } })),
        ("cpu.cpus", json!({ "cpu": { "cpus": "9999" } })),
        ("blockIO.weight", json!({ "blockIO": { "weight": 7 } })),
        ("blockIO.weightDevice", json!({ "blockIO": { "weightDevice": [{ "major": 8, "minor": 0 }] } })),
        ("hugepageLimits", json!({ "hugepageLimits": [{ "pageSize": "3MB", "limit": 0 }] })),
        ("hugepageLimits", json!({ "hugepageLimits": [{ "pageSize": "../2MB", "limit": 0 }] })),
        ("rdma", json!({ "rdma": { "mlx": {} } })),
        ("network.classID", json!({ "network": { "classID": 1 } })),
        ("unified.nonexistent.max", json!({ "unified": { "nonexistent.max": "1" } })),
        ("unified.memory/../x", json!({ "unified": { "memory/../x": "1" } })),
        ("unified.tasks", json!({ "unified": { "tasks": "1" } })),
        ("devices[0]", json!({ "devices": [{ "allow": true, "access": "x" }] })),
    ];
    if is_v1(mode) {
        refused.push(("memory.swap", json!({ "memory": { "limit": 64 << 20, "swap": 32 << 20 } })));
        refused.push(("unified.memory.high", json!({ "unified": { "memory.high": "1" } })));
    } else {
        for (property, value) in [
            ("memory.swap", json!({ "memory": { "limit": 64 << 20, "swap": 32 << 20 } })),
            ("memory.swappiness", json!({ "memory": { "swappiness": 60 } })),
            ("memory.kernelTCP", json!({ "memory": { "kernelTCP": 1 << 20 } })),
            ("memory.disableOOMKiller", json!({ "memory": { "disableOOMKiller": true } })),
            ("cpu.realtimeRuntime", json!({ "cpu": { "realtimeRuntime": 1_000 } })),
            ("unified.memory.nonexistent", json!({ "unified": { "memory.nonexistent": "1" } })),
        ] {
            refused.push((property, value));
        }
    }
    for (property, value) in refused {
        let path = path(test);
        let Err(error) = create(test, value.clone()) else { panic!("{value}") };
        let line = error.line();
        // Without the controller at all, it is the controller that is missing.
        assert!(line.contains(&format!("linux.resources.{property}")), "{value}: {line}");
        let left = folders_named(path.file_name().unwrap().to_str().unwrap());
        assert_eq!(left, Vec::<PathBuf>::new(), "{value}");
    }
}

#[test]
fn the_files_of_version_2_can_be_named() {
    let test = "the_files_of_version_2_can_be_named";
    let Some(mode) = host(test) else { return };
    if is_v1(mode) {
        return skipped(test, "needs cgroup v2 only");
    }
    let value = json!({
        "memory": { "limit": 64 << 20, "checkBeforeUpdate": true },
        "unified": { "memory.high": "33554432", "pids.max": "9", "cpu.weight": "7" },
    });
    let group = create(test, value).unwrap();
    assert_eq!(group.read("memory.high").as_deref(), Some("33554432"));
    assert_eq!(group.read("pids.max").as_deref(), Some("9"));
    assert_eq!(group.read("cpu.weight").as_deref(), Some("7"));
    let mut child = group.start("exec sleep 100");
    eventually("it uses memory", || group.read("memory.current").is_some_and(|used| used != "0"));
    let error = group
        .0
        .apply(&resources(json!({ "memory": { "limit": 4096, "checkBeforeUpdate": true } })))
        .unwrap_err();
    assert!(error.line().contains("in use"), "{}", error.line());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn devices_are_allowed_and_denied() {
    let test = "devices_are_allowed_and_denied";
    let Some(_) = host(test) else { return };
    if !Path::new("/dev/kmsg").exists() {
        return skipped(test, "needs /dev/kmsg");
    }
    let script = "head -c 1 /dev/zero >/dev/null && echo zero; (: </dev/kmsg) && echo kmsg; \
        (: >/dev/kmsg) && echo write; (: </dev/full) && echo full; (: </dev/random) && echo random";
    // By default, what every program needs, and the configuration's own.
    let group = create(test, json!({})).unwrap();
    assert_eq!(group.output(script), "zero\nfull\nrandom\n");
    drop(group);
    let kmsg = json!({ "allow": true, "type": "c", "major": 1, "minor": 11, "access": "r" });
    let group = create(test, json!({ "devices": [{ "allow": false, "access": "rwm" }, kmsg] })).unwrap();
    assert_eq!(group.output(script), "zero\nkmsg\nfull\nrandom\n");
    // An update replaces them all, without a moment in which less is denied.
    group.0.apply(&resources(json!({ "pids": { "limit": 100 } }))).unwrap();
    assert_eq!(group.output(script), "zero\nkmsg\nfull\nrandom\n", "not given, not changed");
    let write = json!({ "allow": true, "type": "c", "major": 1, "minor": 11, "access": "w" });
    group.0.apply(&resources(json!({ "devices": [write] }))).unwrap();
    assert_eq!(group.output(script), "zero\nwrite\nfull\nrandom\n");
    group.0.apply(&resources(json!({ "devices": [{ "allow": true }] }))).unwrap();
    assert_eq!(group.output(script), "zero\nkmsg\nwrite\nfull\nrandom\n");
    group.0.apply(&resources(json!({ "devices": [] }))).unwrap();
    assert_eq!(group.output(script), "zero\nfull\nrandom\n");
}
