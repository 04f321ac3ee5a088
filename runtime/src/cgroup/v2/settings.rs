//! Memory and CPU in the files of version 2 (the kernel's `Documentation/admin-guide/cgroup-v2.rst`), and the
//! files that a configuration names itself (`unified`).
//!
//! What version 2 has no word for is refused: a limit that is not there must not look as if it were.

use crate::cgroup::convert::{bytes, cpu_weight, or_max, swap_alone};
use crate::cgroup::problem::Problem;
use crate::cgroup::setting::{IfMissing, Setting};
use crate::cgroup::settings::Current;
use crate::cgroup::v1::settings::PERIOD_US;
use oci_spec::runtime::{LinuxCpu, LinuxMemory};

pub(in crate::cgroup) fn memory(
    memory: &LinuxMemory,
    current: Current<'_>,
    out: &mut Vec<Setting>,
) -> Result<(), Problem> {
    #[allow(deprecated)] // The specification does not recommend it, and still has it.
    let kernel = bytes("memory.kernel", memory.kernel())?.filter(|&limit| limit > 0);
    let kernel_tcp = bytes("memory.kernelTCP", memory.kernel_tcp())?.filter(|&limit| limit > 0);
    for (property, asked) in [
        ("memory.kernel", kernel.is_some()),
        ("memory.kernelTCP", kernel_tcp.is_some()),
        ("memory.swappiness", memory.swappiness().is_some()),
        ("memory.disableOOMKiller", memory.disable_oom_killer() == Some(true)),
        ("memory.useHierarchy", memory.use_hierarchy() == Some(false)),
    ] {
        if asked {
            return Err(Problem::unavailable(property, "cgroup version 2 has no such setting"));
        }
    }
    let limit = bytes("memory.limit", memory.limit())?;
    let now = |file: &str| current.and_then(|read| read(file)?.trim().parse::<i64>().ok());
    if let Some(limit) = limit {
        // Version 2 takes a limit below what is in use, and kills until it fits.
        let used = if memory.check_before_update() == Some(true) { now("memory.current") } else { None };
        if let Some(used) = used.filter(|&used| limit >= 0 && used > limit) {
            let why = format!("{used} bytes are in use, and checkBeforeUpdate is set");
            return Err(Problem::invalid("memory.limit", why));
        }
        out.push(Setting::v2("memory.limit", "memory.max", &or_max(limit)));
    }
    if let Some(reservation) = bytes("memory.reservation", memory.reservation())? {
        out.push(Setting::v2("memory.reservation", "memory.low", &or_max(reservation)));
    }
    // No limit on memory is one on swap no more either.
    let swap = bytes("memory.swap", memory.swap())?.or(limit.filter(|&limit| limit == -1));
    if let Some(swap) = swap {
        let alone = swap_alone(swap, limit.or_else(|| now("memory.max")))?;
        // A kernel without the file has no swap, or does not count it; without swap, 0 is met.
        let if_missing = if alone == -1 { IfMissing::Skip } else { IfMissing::SkipWithoutSwap };
        let setting = Setting::v2("memory.swap", "memory.swap.max", &or_max(alone));
        out.push(setting.if_missing(if_missing));
    }
    Ok(())
}

pub(in crate::cgroup) fn cpu(
    cpu: &LinuxCpu,
    current: Current<'_>,
    out: &mut Vec<Setting>,
) -> Result<(), Problem> {
    for (property, value) in [
        ("cpu.realtimeRuntime", cpu.realtime_runtime().is_some_and(|value| value != 0)),
        ("cpu.realtimePeriod", cpu.realtime_period().is_some_and(|value| value != 0)),
    ] {
        if value {
            return Err(Problem::unavailable(property, "cgroup version 2 has no such setting"));
        }
    }
    if let Some(shares) = cpu.shares().filter(|&shares| shares != 0) {
        out.push(Setting::v2("cpu.shares", "cpu.weight", &cpu_weight(shares)));
    }
    let (quota, period) = (cpu.quota().filter(|&quota| quota != 0), cpu.period().filter(|&us| us != 0));
    if quota.is_some() || period.is_some() {
        // One file for both: what is not given stays as it is.
        let now = current.and_then(|read| read("cpu.max")).unwrap_or_else(|| format!("max {PERIOD_US}"));
        let (quota_now, period_now) = now.trim().split_once(' ').unwrap_or(("max", ""));
        let quota_then = quota.map_or_else(|| quota_now.to_owned(), or_max);
        let period_then = period.map_or_else(|| period_now.to_owned(), |period| period.to_string());
        let property = if quota.is_some() { "cpu.quota" } else { "cpu.period" };
        out.push(Setting::v2(property, "cpu.max", &format!("{quota_then} {period_then}")));
    }
    if let Some(burst) = cpu.burst() {
        out.push(Setting::v2("cpu.burst", "cpu.max.burst", &burst));
    }
    if let Some(idle) = cpu.idle() {
        out.push(Setting::v2("cpu.idle", "cpu.idle", &idle));
    }
    Ok(())
}

/// Any file of the group, by its name. The kernel takes one line a call.
pub(in crate::cgroup) fn unified(file: &str, value: &str, out: &mut Vec<Setting>) -> Result<(), Problem> {
    let property = format!("unified.{file}");
    let Some((controller, rest)) = file.split_once('.') else {
        return Err(Problem::invalid(property, "not the name of a file of a group, such as memory.high"));
    };
    if controller.is_empty() || rest.is_empty() || file.contains(['/', '\0']) {
        return Err(Problem::invalid(property, "the name of a file in the group, and no path"));
    }
    let core = controller == "cgroup";
    for line in value.lines() {
        let setting = Setting::v2("unified", "cgroup.", line);
        out.push(Setting {
            property: property.clone().into(),
            controller: if core { "".into() } else { controller.to_owned().into() },
            choices: vec![(file.to_owned().into(), line.into())],
            ..setting
        });
    }
    Ok(())
}
