//! Groups by themselves: every property reaches its file, what cannot be had is refused, nothing is left.
//!
//! They run on either version of cgroups; each says which part of it this host cannot show.

mod common;

use common::{eventually, skipped};
use isolab_runtime::Error;
use isolab_runtime::cgroup::{Group, Hierarchy, Mode, Place};
use oci_spec::runtime::LinuxResources;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A group, removed with all that is in it when it drops.
struct Kept(Group);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill_all();
        let _ = self.0.remove();
    }
}

impl Kept {
    /// What the file says, in whichever folder of the group it is.
    fn read(&self, file: &str) -> Option<String> {
        let text = self.0.folders().find_map(|folder| fs::read_to_string(folder.join(file)).ok())?;
        Some(text.trim().to_owned())
    }

    /// Starts a shell script in the group.
    fn start(&self, script: &str) -> Child {
        let mut child = Command::new("sh")
            .args(["-c", &format!("read line; {script}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for folder in self.0.folders() {
            fs::write(folder.join("cgroup.procs"), child.id().to_string()).unwrap();
        }
        drop(child.stdin.take());
        child
    }

    fn output(&self, script: &str) -> String {
        String::from_utf8(self.start(script).wait_with_output().unwrap().stdout).unwrap()
    }
}

fn resources(value: Value) -> LinuxResources {
    serde_json::from_value(value).unwrap()
}

/// A path that no other test has.
fn path(test: &str) -> PathBuf {
    Path::new("/").join(format!("isolab-test-{}-{test}", std::process::id()))
}

fn plan(path: &Path, value: Value) -> Result<Place, Error> {
    Hierarchy::detect().unwrap().plan(Some(path), "unused", &resources(value))
}

fn create(test: &str, value: Value) -> Result<Kept, Error> {
    plan(&path(test), value.clone())?.create(&resources(value)).map(Kept)
}

/// The mode of a host on which groups can be made at the top; `None`, after a line: they cannot.
fn host(test: &str) -> Option<Mode> {
    let hierarchy = Hierarchy::detect().unwrap();
    if !rustix::process::geteuid().is_root() {
        skipped(test, "needs root");
        return None;
    }
    if !common::can_limit(test) {
        return None;
    }
    Some(hierarchy.mode())
}

/// Whether the limits on memory, CPU and processes are in version 1.
fn is_v1(mode: Mode) -> bool {
    mode != Mode::V2
}

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
        let left = common::folders_named(path.file_name().unwrap().to_str().unwrap());
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

#[test]
fn a_paused_container_stands_still() {
    let test = "a_paused_container_stands_still";
    let Some(_) = host(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let count = || fs::metadata(folder.path().join("count")).map_or(0, |file| file.len());
    let script = format!("cd {}; while :; do printf x >>count; done", folder.path().display());
    // By its own name: the freezer of version 1 comes when it is asked for.
    let hierarchy = Hierarchy::detect().unwrap();
    let value = resources(json!({ "pids": { "limit": 100 } }));
    let name = format!("pause-{}", std::process::id());
    let group = Kept(hierarchy.plan(None, &name, &value).unwrap().create(&value).unwrap());
    let mut child = group.start(&script);
    eventually("it counts", || count() > 0);
    assert!(!group.0.paused());
    group.0.pause().unwrap();
    assert!(group.0.paused());
    let paused = count();
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(count(), paused);
    group.0.pause().unwrap();
    group.0.resume().unwrap();
    assert!(!group.0.paused());
    eventually("it goes on counting", || count() > paused);
    // A paused one can be killed.
    group.0.pause().unwrap();
    group.0.kill_all().unwrap();
    child.wait().unwrap();
    group.0.remove().unwrap();
    assert_eq!(common::folders_named(&name), Vec::<PathBuf>::new());
}

#[test]
fn a_limit_can_come_later() {
    let test = "a_limit_can_come_later";
    let Some(mode) = host(test) else { return };
    let value = resources(json!({ "pids": { "limit": 100 } }));
    let name = format!("later-{}", std::process::id());
    let place = Hierarchy::detect().unwrap().plan(None, &name, &value).unwrap();
    let group = Kept(place.create(&value).unwrap());
    let mut child = group.start("sleep 100 & sleep 100 & wait");
    eventually("three processes are listed", || group.0.pids().unwrap().len() == 3);
    group.0.apply(&resources(json!({ "memory": { "limit": 64 << 20 }, "cpu": { "shares": 512 } }))).unwrap();
    let lists = common::folders_named(&name);
    let memory = lists.iter().find(|folder| {
        let file = if is_v1(mode) { "memory.limit_in_bytes" } else { "memory.max" };
        fs::read_to_string(folder.join(file)).is_ok_and(|text| text.trim() == "67108864")
    });
    let members = fs::read_to_string(memory.expect("a limit on memory").join("cgroup.procs")).unwrap();
    assert_eq!(members.lines().count(), 3);
    // Whoever joins now, joins it all.
    assert!(group.0.joining().is_ok());
    group.0.kill_all().unwrap();
    child.wait().unwrap();
    group.0.remove().unwrap();
    assert_eq!(common::folders_named(&name), Vec::<PathBuf>::new());
}

#[test]
fn limits_that_hang_together_are_changed_in_any_direction() {
    let test = "limits_that_hang_together_are_changed_in_any_direction";
    let Some(_) = host(test) else { return };
    let group = create(test, json!({ "memory": { "limit": 64 << 20, "swap": 64 << 20 } })).unwrap();
    let mut child = group.start("exec sleep 100");
    for (limit, swap) in [(128 << 20, 256 << 20), (256 << 20, 256 << 20), (32 << 20, 32 << 20), (-1, -1)] {
        group.0.apply(&resources(json!({ "memory": { "limit": limit, "swap": swap } }))).unwrap();
    }
    for (quota, period, burst) in
        [(50_000, 100_000, 50_000), (10_000, 50_000, 10_000), (400_000, 200_000, 90_000)]
    {
        let cpu = json!({ "quota": quota, "period": period, "burst": burst });
        group.0.apply(&resources(json!({ "cpu": cpu }))).unwrap();
    }
    group.0.apply(&resources(json!({ "cpu": { "period": 100_000 } }))).unwrap();
    let now = group.read("cpu.max").or_else(|| group.read("cpu.cfs_quota_us"));
    assert!(now.as_deref().is_some_and(|text| text.starts_with("400000")), "{now:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_statistics_are_those_of_the_files() {
    let test = "the_statistics_are_those_of_the_files";
    let Some(_) = host(test) else { return };
    let group = create(test, json!({ "memory": { "limit": 64 << 20 }, "pids": { "limit": 9 } })).unwrap();
    let mut child = group.start("for n in 1 2 3 4 5 6 7 8 9; do : ; done; exec sleep 100");
    eventually("it has run", || {
        let stats = group.0.stats();
        stats.memory.usage.usage > 0 && stats.cpu.usage.total > 0
    });
    let stats = group.0.stats();
    assert_eq!(stats.memory.usage.limit, 64 << 20);
    assert_eq!(stats.pids.limit, 9);
    assert!(stats.memory.raw.contains_key("pgfault"));
    let json = serde_json::to_value(&stats).unwrap();
    assert_eq!(json["memory"]["usage"]["limit"], 64 << 20);
    assert_eq!(json["pids"]["current"], 1);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_group_is_used_again_but_not_shared() {
    let test = "a_group_is_used_again_but_not_shared";
    let Some(_) = host(test) else { return };
    let value = json!({ "pids": { "limit": 9 }, "cpu": { "period": 50_000, "quota": 20_000 } });
    let group = create(test, value).unwrap();
    let mut child = group.start("exec sleep 100");
    let error = plan(&path(test), json!({})).unwrap_err();
    assert!(error.line().contains("in use"), "{}", error.line());
    // Its processes are not ours to kill: it is refused before anything is touched.
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("it is empty", || group.0.pids().unwrap().is_empty());
    // What was left in it counts as little as if it were new.
    let value = json!({ "pids": { "limit": 7 }, "cpu": { "period": 100_000, "quota": 30_000 } });
    let again = create(test, value).unwrap();
    assert_eq!(again.read("pids.max").as_deref(), Some("7"));
    let quota = again.read("cpu.max").or_else(|| {
        Some(format!("{} {}", again.read("cpu.cfs_quota_us")?, again.read("cpu.cfs_period_us")?))
    });
    assert_eq!(quota.as_deref(), Some("30000 100000"));
}

#[test]
fn forking_does_not_save_it_and_groups_of_its_own_go_with_it() {
    let test = "forking_does_not_save_it_and_groups_of_its_own_go_with_it";
    let Some(_) = host(test) else { return };
    let group = create(test, json!({ "pids": { "limit": 200 } })).unwrap();
    let mut child = group.start("while :; do sleep 100 & done");
    eventually("it has forked", || group.0.pids().unwrap().len() > 50);
    for folder in group.0.folders() {
        fs::create_dir_all(folder.join("inner/most")).unwrap();
    }
    group.0.kill_all().unwrap();
    child.wait().unwrap();
    assert_eq!(group.0.pids().unwrap(), Vec::<i32>::new());
    group.0.remove().unwrap();
    group.0.remove().unwrap();
    let name = path(test);
    assert_eq!(common::folders_named(name.file_name().unwrap().to_str().unwrap()), Vec::<PathBuf>::new());
}

#[test]
fn a_path_is_absolute_or_isolabs_and_never_leads_out() {
    let test = "a_path_is_absolute_or_isolabs_and_never_leads_out";
    let Some(_) = host(test) else { return };
    for bad in ["/", "/a/../../b", "../b", ".."] {
        let error = plan(Path::new(bad), json!({})).unwrap_err();
        assert!(error.line().contains("linux.cgroupsPath"), "{}", error.line());
    }
    let below = plan(Path::new("a/b"), json!({})).unwrap();
    assert!(below.folders().all(|folder| folder.ends_with("isolab/a/b")), "{below:?}");
    // What lies between is made and removed with it, as long as nobody else is there.
    let this = std::process::id();
    let (parent, between) = (format!("parent-{this}"), format!("between-{this}"));
    let make = |name: &str| {
        let place = plan(Path::new(&parent).join(name).as_path(), json!({})).unwrap();
        Kept(place.create(&LinuxResources::default()).unwrap())
    };
    let (one, two) = (make(&format!("{between}/one")), make("two"));
    drop(one);
    assert!(two.0.folders().all(Path::exists) && common::folders_named(&between).is_empty());
    drop(two);
    assert_eq!(common::folders_named(&parent), Vec::<PathBuf>::new());

    let above = plan(Path::new("/a/b"), json!({})).unwrap();
    assert!(above.folders().all(|folder| folder.ends_with("a/b") && !folder.ends_with("isolab/a/b")));
    // What is written to the state leads to the same place.
    let written = serde_json::to_string(&above).unwrap();
    assert_eq!(serde_json::from_str::<Place>(&written).unwrap(), above);
}
