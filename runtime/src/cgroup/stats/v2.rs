//! The counts of version 2: one folder, microseconds, and swap apart from memory.

use super::{Amount, HugePages, Stats};
use crate::cgroup::files::{Files, entry, value};

const NS_PER_US: u64 = 1_000;

pub(super) fn read(group: &Files<'_>, stats: &mut Stats) {
    let cpu = group.named("cpu.stat");
    stats.cpu.usage.total = value(&cpu, "usage_usec") * NS_PER_US;
    stats.cpu.usage.user = value(&cpu, "user_usec") * NS_PER_US;
    stats.cpu.usage.kernel = value(&cpu, "system_usec") * NS_PER_US;
    stats.cpu.throttling.periods = value(&cpu, "nr_periods");
    stats.cpu.throttling.throttled_periods = value(&cpu, "nr_throttled");
    stats.cpu.throttling.throttled_time = value(&cpu, "throttled_usec") * NS_PER_US;
    memory(group, stats);
    io(group, stats);
    for size in group.huge_pages(".current") {
        let name = |end: &str| format!("hugetlb.{size}.{end}");
        let usage = group.number(&name("current")).unwrap_or_default();
        let failcnt = value(&group.named(&name("events")), "max");
        stats.hugetlb.insert(size, HugePages { usage, max: 0, failcnt });
    }
}

fn memory(group: &Files<'_>, stats: &mut Stats) {
    let Some(usage) = group.number("memory.current") else { return };
    let lines = group.named("memory.stat");
    let number = |name: &str| group.number(name).unwrap_or_default();
    stats.memory.cache = value(&lines, "file");
    stats.memory.usage = Amount {
        limit: number("memory.max"),
        usage,
        max: number("memory.peak"),
        failcnt: value(&group.named("memory.events"), "max"),
    };
    // In the form, swap is memory and swap together, as version 1 counts it.
    if let Some(swap) = group.number("memory.swap.current") {
        stats.memory.swap = Amount {
            limit: number("memory.max").saturating_add(number("memory.swap.max")),
            usage: usage + swap,
            max: 0,
            failcnt: value(&group.named("memory.swap.events"), "fail"),
        };
    }
    stats.memory.kernel.usage = value(&lines, "kernel");
    stats.memory.kernel_tcp.usage = value(&lines, "sock");
    stats.memory.raw = lines.into_iter().collect();
}

/// Lines such as `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`.
fn io(group: &Files<'_>, stats: &mut Stats) {
    for line in group.text("io.stat").unwrap_or_default().lines() {
        let Some((disk, counts)) = line.split_once(' ') else { continue };
        for (name, count) in counts.split(' ').filter_map(|count| count.split_once('=')) {
            let (op, list) = match name {
                "rbytes" => ("Read", &mut stats.blkio.io_service_bytes_recursive),
                "wbytes" => ("Write", &mut stats.blkio.io_service_bytes_recursive),
                "dbytes" => ("Discard", &mut stats.blkio.io_service_bytes_recursive),
                "rios" => ("Read", &mut stats.blkio.io_serviced_recursive),
                "wios" => ("Write", &mut stats.blkio.io_serviced_recursive),
                "dios" => ("Discard", &mut stats.blkio.io_serviced_recursive),
                _ => continue,
            };
            list.extend(entry(disk, op, count));
        }
    }
}
