//! The counts of version 1: each controller has its own folder and its own words.

use super::{Amount, BlockEntry, HugePages, Stats};
use crate::cgroup::files::{Files, entry, value};

pub(super) fn read<'a>(files: &dyn Fn(&str) -> Option<Files<'a>>, stats: &mut Stats) {
    if let Some(cpuacct) = files("cpuacct") {
        let usage = &mut stats.cpu.usage;
        usage.total = cpuacct.number("cpuacct.usage").unwrap_or_default();
        usage.percpu = cpuacct.numbers("cpuacct.usage_percpu");
        usage.user = cpuacct.number("cpuacct.usage_user").unwrap_or_default();
        usage.kernel = cpuacct.number("cpuacct.usage_sys").unwrap_or_default();
    }
    if let Some(cpu) = files("cpu") {
        let lines = cpu.named("cpu.stat");
        stats.cpu.throttling.periods = value(&lines, "nr_periods");
        stats.cpu.throttling.throttled_periods = value(&lines, "nr_throttled");
        stats.cpu.throttling.throttled_time = value(&lines, "throttled_time");
    }
    if let Some(memory) = files("memory") {
        let lines = memory.named("memory.stat");
        stats.memory.cache = value(&lines, "total_cache");
        stats.memory.usage = amount(&memory, "memory");
        stats.memory.swap = amount(&memory, "memory.memsw");
        stats.memory.kernel = amount(&memory, "memory.kmem");
        stats.memory.kernel_tcp = amount(&memory, "memory.kmem.tcp");
        stats.memory.raw = lines.into_iter().collect();
    }
    if let Some(blkio) = files("blkio") {
        stats.blkio.io_service_bytes_recursive = disks(&blkio, "blkio.throttle.io_service_bytes_recursive");
        stats.blkio.io_serviced_recursive = disks(&blkio, "blkio.throttle.io_serviced_recursive");
    }
    if let Some(hugetlb) = files("hugetlb") {
        for size in hugetlb.huge_pages(".usage_in_bytes") {
            let number = |name: &str| hugetlb.number(&format!("hugetlb.{size}.{name}")).unwrap_or_default();
            let pages = HugePages {
                usage: number("usage_in_bytes"),
                max: number("max_usage_in_bytes"),
                failcnt: number("failcnt"),
            };
            stats.hugetlb.insert(size, pages);
        }
    }
}

fn amount(memory: &Files<'_>, kind: &str) -> Amount {
    let number = |name: &str| memory.number(&format!("{kind}.{name}")).unwrap_or_default();
    Amount {
        limit: number("limit_in_bytes"),
        usage: number("usage_in_bytes"),
        max: number("max_usage_in_bytes"),
        failcnt: number("failcnt"),
    }
}

/// Lines such as `8:0 Read 4096`; the last is a total.
fn disks(blkio: &Files<'_>, name: &str) -> Vec<BlockEntry> {
    let text = blkio.text(name).unwrap_or_default();
    let disk = |line: &str| {
        let mut words = line.split(' ');
        entry(words.next()?, words.next()?, words.next()?)
    };
    text.lines().filter_map(disk).collect()
}
