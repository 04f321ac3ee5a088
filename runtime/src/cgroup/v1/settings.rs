//! Memory, CPU and network in the files of version 1 (the kernel's
//! `Documentation/admin-guide/cgroup-v1/{memory,cpusets,net_cls,net_prio}.rst`, `scheduler/sched-bwc.rst`).
//!
//! 0 is what engines write for "not given", except where 0 is a value of its own.

use crate::cgroup::convert::bytes;
use crate::cgroup::problem::Problem;
use crate::cgroup::setting::{IfMissing, Setting};
use crate::cgroup::settings::Current;
use oci_spec::runtime::{LinuxCpu, LinuxMemory, LinuxNetwork};

/// The kernel's own default period, in microseconds.
pub(in crate::cgroup) const PERIOD_US: u64 = 100_000;

pub(in crate::cgroup) fn memory(
    memory: &LinuxMemory,
    current: Current<'_>,
    out: &mut Vec<Setting>,
) -> Result<(), Problem> {
    let mut push = |property, file, value: i64, if_missing| {
        out.push(Setting::v1(property, "memory", file, &value).if_missing(if_missing));
    };
    let limit = bytes("memory.limit", memory.limit())?;
    // No limit on memory is one on swap no more either.
    let swap = bytes("memory.swap", memory.swap())?.or(limit.filter(|&limit| limit == -1));
    if let Some(limit) = limit {
        push("memory.limit", "memory.limit_in_bytes", limit, IfMissing::Refuse);
    }
    if let Some(swap) = swap {
        push("memory.swap", "memory.memsw.limit_in_bytes", swap, IfMissing::SkipWithoutSwap);
    }
    #[allow(deprecated)] // The specification does not recommend it, and still has it.
    let kernel = bytes("memory.kernel", memory.kernel())?;
    // The limit on kernel memory, which the specification does not recommend, is gone from newer kernels. There
    // memory.limit counts that memory as well, and is the stronger of the two.
    if let Some(kernel) = kernel {
        push("memory.kernel", "memory.kmem.limit_in_bytes", kernel, IfMissing::Skip);
    }
    for (property, file, value) in [
        (
            "memory.reservation",
            "memory.soft_limit_in_bytes",
            bytes("memory.reservation", memory.reservation())?,
        ),
        (
            "memory.kernelTCP",
            "memory.kmem.tcp.limit_in_bytes",
            bytes("memory.kernelTCP", memory.kernel_tcp())?,
        ),
    ] {
        if let Some(value) = value {
            push(property, file, value, IfMissing::Refuse);
        }
    }
    if let Some(swappiness) = memory.swappiness() {
        let swappiness = i64::try_from(swappiness).unwrap_or(i64::MAX);
        push("memory.swappiness", "memory.swappiness", swappiness, IfMissing::Refuse);
    }
    // A new group has the killer.
    if let Some(disabled) = memory.disable_oom_killer().filter(|disabled| *disabled || current.is_some()) {
        push("memory.disableOOMKiller", "memory.oom_control", disabled.into(), IfMissing::Refuse);
    }
    if let Some(hierarchy) = memory.use_hierarchy() {
        // Kernels that lack the file have no other way.
        let if_missing = if hierarchy { IfMissing::Skip } else { IfMissing::Refuse };
        push("memory.useHierarchy", "memory.use_hierarchy", hierarchy.into(), if_missing);
    }
    // memory.checkBeforeUpdate: the kernel checks in any case.
    Ok(())
}

pub(in crate::cgroup) fn cpu(cpu: &LinuxCpu, current: Current<'_>, out: &mut Vec<Setting>) {
    // A new group has the usual period: one file less to write.
    let period = cpu.period().filter(|&period| current.is_some() || period != PERIOD_US);
    let unsigned = |value: Option<u64>| value.filter(|&value| value > 0).map(|value| value.to_string());
    let signed = |value: Option<i64>| value.filter(|&value| value != 0).map(|value| value.to_string());
    for (property, file, value) in [
        ("cpu.shares", "cpu.shares", unsigned(cpu.shares())),
        ("cpu.period", "cpu.cfs_period_us", unsigned(period)),
        ("cpu.quota", "cpu.cfs_quota_us", signed(cpu.quota())),
        ("cpu.burst", "cpu.cfs_burst_us", cpu.burst().map(|value| value.to_string())),
        ("cpu.realtimePeriod", "cpu.rt_period_us", unsigned(cpu.realtime_period())),
        ("cpu.realtimeRuntime", "cpu.rt_runtime_us", signed(cpu.realtime_runtime())),
        ("cpu.idle", "cpu.idle", cpu.idle().map(|value| value.to_string())),
    ] {
        if let Some(value) = value {
            out.push(Setting::v1(property, "cpu", file, &value));
        }
    }
}

/// Both controllers exist in version 1 only; the check of all settings says so elsewhere.
pub(in crate::cgroup) fn network(network: &LinuxNetwork, out: &mut Vec<Setting>) {
    if let Some(class) = network.class_id() {
        out.push(Setting::v1("network.classID", "net_cls", "net_cls.classid", &class));
    }
    for priority in network.priorities().iter().flatten() {
        let value = format!("{} {}", priority.name(), priority.priority());
        out.push(Setting::v1("network.priorities", "net_prio", "net_prio.ifpriomap", &value));
    }
}
