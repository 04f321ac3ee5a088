//! Properties that need a part which few machines have: a scheduler of disks with weights, real-time groups, a network
//! controller of version 1, a card for remote memory. Each is read back where the part is, and else skipped by its name.

use super::{create, host};
use crate::common::skipped;
use isolab_runtime::Error;
use isolab_runtime::cgroup::Problem;
use serde_json::{Value, json};
use std::fs;

/// Sets a property, and reads its files (that of version 1, that of version 2); each must hold the text. Without the part
/// that it needs it must be refused by its name, and the test is skipped; `fix` says how to have it.
fn holds(test: &str, value: &Value, files: &[(&str, &str)], fix: &str) {
    if host(test).is_none() {
        return;
    }
    match create(test, value.clone()) {
        Ok(group) => {
            for (file, text) in files {
                if let Some(said) = group.read(file) {
                    assert!(said.lines().any(|line| line.contains(text)), "{file} after {value}: {said}");
                }
            }
            let there = files.iter().any(|(file, _)| group.read(file).is_some());
            assert!(there, "{value} is accepted, and in none of {files:?}");
        }
        Err(error @ Error::Cgroup(Problem::Unavailable { .. } | Problem::Write { .. })) => {
            let line = error.line();
            let property = value.as_object().unwrap().keys().next().unwrap();
            assert!(line.contains(property), "{line}");
            skipped(test, &format!("{line}; {fix}"));
        }
        Err(error) => panic!("{value}: {}", error.line()),
    }
}

/// The numbers of a disk of this machine, whole and with blocks of its own: nothing is written to it.
fn disk(test: &str) -> Option<(u64, u64)> {
    let disks = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let mut names: Vec<_> = disks.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    // A loop device without a file is one as well, and goes last.
    names.sort_by_key(|name| (name.starts_with("loop"), name.clone()));
    let numbers = names.first().and_then(|name| fs::read_to_string(format!("/sys/block/{name}/dev")).ok());
    let numbers = numbers.as_deref().and_then(|text| text.trim().split_once(':'));
    let numbers = numbers.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    if numbers.is_none() {
        skipped(test, "this machine has no block device; attach a disk or load the module loop");
    }
    numbers
}

#[test]
fn the_rates_of_a_disk_are_limited() {
    let test = "the_rates_of_a_disk_are_limited";
    let Some((major, minor)) = disk(test) else { return };
    let (disk, fix) = (format!("{major}:{minor}"), "use a kernel with CONFIG_BLK_DEV_THROTTLING");
    for (property, file, key, rate) in [
        ("throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps", 1_048_576),
        ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps", 2_097_152),
        ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops", 300),
        ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops", 400),
    ] {
        let value = json!({ "blockIO": { property: [{ "major": major, "minor": minor, "rate": rate }] } });
        holds(test, &value, &[(file, &format!("{disk} {rate}")), ("io.max", &format!("{key}={rate}"))], fix);
    }
}

#[test]
fn a_group_has_a_weight_among_the_users_of_disks() {
    let test = "a_group_has_a_weight_among_the_users_of_disks";
    let fix = "use a kernel with the disk scheduler BFQ (CONFIG_BFQ_GROUP_IOSCHED)";
    // 1 to 1000 of BFQ's scale, or 1 to 10000 of the cost model's.
    let files = [
        ("blkio.weight", "500"),
        ("blkio.bfq.weight", "500"),
        ("io.bfq.weight", "500"),
        ("io.weight", "default"),
    ];
    holds(test, &json!({ "blockIO": { "weight": 500 } }), &files, fix);
    let Some((major, minor)) = disk(test) else { return };
    let own = format!("{major}:{minor} 200");
    let device = format!("{major}:{minor}");
    let files = [
        ("blkio.weight_device", &*own),
        ("blkio.bfq.weight_device", &own),
        ("io.bfq.weight", &own),
        ("io.weight", &device),
    ];
    let value = json!({ "blockIO": { "weightDevice": [{ "major": major, "minor": minor, "weight": 200 }] } });
    holds(test, &value, &files, fix);
}

#[test]
fn real_time_is_shared_out() {
    // The groups above must have some to share: those of a fresh machine have none but the root.
    let value = json!({ "cpu": { "realtimePeriod": 1_000_000, "realtimeRuntime": 0 } });
    let files = [("cpu.rt_period_us", "1000000"), ("cpu.rt_runtime_us", "0")];
    let fix = "use cgroup version 1 and a kernel with CONFIG_RT_GROUP_SCHED";
    holds("real_time_is_shared_out", &value, &files, fix);
}

#[test]
fn packets_have_a_class_and_a_priority() {
    let test = "packets_have_a_class_and_a_priority";
    let fix = "mount net_cls and net_prio of cgroup version 1";
    holds(test, &json!({ "network": { "classID": 1_048_577 } }), &[("net_cls.classid", "1048577")], fix);
    let value = json!({ "network": { "priorities": [{ "name": "lo", "priority": 7 }] } });
    holds(test, &value, &[("net_prio.ifpriomap", "lo 7")], fix);
}

#[test]
fn remote_memory_is_limited() {
    let test = "remote_memory_is_limited";
    let mut cards = fs::read_dir("/sys/class/infiniband").into_iter().flatten().flatten();
    let name = cards.find_map(|entry| entry.file_name().into_string().ok());
    let fix = "attach a card for remote memory, or load the module rdma_rxe";
    let card = name.as_deref().unwrap_or("none0");
    let value = json!({ "rdma": { card: { "hcaHandles": 3, "hcaObjects": 10 } } });
    holds(test, &value, &[("rdma.max", &format!("{card} hca_handle=3 hca_object=10"))], fix);
}
