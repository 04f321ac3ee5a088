//! A group that lives: paused, given new limits, measured, used again, and removed.

use super::{Kept, create, host, is_v1, path, plan, resources};
use crate::common::{eventually, folders_named};
use isolab_runtime::cgroup::{Hierarchy, Place};
use oci_spec::runtime::LinuxResources;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

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
    assert_eq!(folders_named(&name), Vec::<PathBuf>::new());
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
    let lists = folders_named(&name);
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
    assert_eq!(folders_named(&name), Vec::<PathBuf>::new());
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
    assert_eq!(folders_named(name.file_name().unwrap().to_str().unwrap()), Vec::<PathBuf>::new());
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
    assert!(two.0.folders().all(Path::exists) && folders_named(&between).is_empty());
    drop(two);
    assert_eq!(folders_named(&parent), Vec::<PathBuf>::new());

    let above = plan(Path::new("/a/b"), json!({})).unwrap();
    assert!(above.folders().all(|folder| folder.ends_with("a/b") && !folder.ends_with("isolab/a/b")));
    // What is written to the state leads to the same place.
    let written = serde_json::to_string(&above).unwrap();
    assert_eq!(serde_json::from_str::<Place>(&written).unwrap(), above);
}
