//! All of `linux.resources` but the devices, as the list of [`Setting`]s that it comes to
//! ("Control groups" in the specification's `config-linux.md`).
//!
//! The configuration speaks the language of version 1, whichever version the host has. Each part goes to
//! the module of the version in which its controller is mounted: on a hybrid host that is now one, now
//! the other.

use super::problem::Problem;
use super::setting::{Setting, Version};
use super::{v1, v2};
use oci_spec::runtime::{LinuxHugepageLimit, LinuxRdma, LinuxResources};
use std::collections::HashMap;

/// Reads a file of the group as it is now; `None`: the group is new, and all is as the kernel made it.
pub(super) type Current<'a> = Option<&'a dyn Fn(&str) -> Option<String>>;

/// What has to be written for `resources`. Touches nothing; `version` says where a controller is.
pub(super) fn of(
    resources: &LinuxResources,
    version: &dyn Fn(&str) -> Option<Version>,
    current: Current<'_>,
) -> Result<Vec<Setting>, Problem> {
    let mut out = Vec::new();
    let at = |controller: &str, property: &str| {
        version(controller).ok_or_else(|| {
            Problem::unavailable(property, format!("this host has no cgroup controller {controller}"))
        })
    };
    // What nobody has is asked of version 2, so that an empty object asks for nothing.
    let of = |controller: &str| version(controller).unwrap_or(Version::V2);
    if let Some(memory) = resources.memory() {
        match of("memory") {
            Version::V1 => v1::settings::memory(memory, current, &mut out)?,
            Version::V2 => v2::settings::memory(memory, current, &mut out)?,
        }
    }
    if let Some(cpu) = resources.cpu() {
        match of("cpu") {
            Version::V1 => v1::settings::cpu(cpu, current, &mut out),
            Version::V2 => v2::settings::cpu(cpu, current, &mut out)?,
        }
        cpuset("cpu.cpus", "cpuset.cpus", cpu.cpus().as_deref(), &of, &mut out)?;
        cpuset("cpu.mems", "cpuset.mems", cpu.mems().as_deref(), &of, &mut out)?;
    }
    if let Some(pids) = resources.pids() {
        // None at all and one come to the same, because the first is in the group before it can fork; but
        // a group that takes none could not be cloned into. Negative: no limit.
        let limit = if pids.limit() < 0 { "max".into() } else { pids.limit().max(1).to_string() };
        let setting = Setting::v2("pids.limit", "pids.max", &limit);
        out.push(Setting { version: of("pids"), ..setting });
    }
    if let Some(block_io) = resources.block_io() {
        match of("blkio") {
            Version::V1 => v1::block_io::settings(block_io, &mut out)?,
            Version::V2 => v2::block_io::settings(block_io, &mut out)?,
        }
    }
    for limit in resources.hugepage_limits().iter().flatten() {
        huge_pages(limit, at("hugetlb", "hugepageLimits")?, &mut out)?;
    }
    for (device, limits) in sorted(resources.rdma().as_ref()) {
        rdma(device, *limits, at("rdma", "rdma")?, &mut out)?;
    }
    if let Some(network) = resources.network() {
        v1::settings::network(network, &mut out);
    }
    for (file, value) in sorted(resources.unified().as_ref()) {
        v2::settings::unified(file, value, &mut out)?;
    }
    // An answer for a controller that is nowhere, before anything is made.
    for setting in out.iter().filter(|setting| !setting.controller.is_empty()) {
        if at(&setting.controller, &setting.property)? != setting.version {
            let version = if setting.version == Version::V1 { 1 } else { 2 };
            let why = format!("the controller {} is not in cgroup version {version}", setting.controller);
            return Err(Problem::unavailable(setting.property.clone(), why));
        }
    }
    Ok(out)
}

/// A map of the configuration in an order that does not change from run to run.
fn sorted<V>(map: Option<&HashMap<String, V>>) -> Vec<(&String, &V)> {
    let mut entries: Vec<_> = map.into_iter().flatten().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

fn cpuset(
    property: &'static str,
    file: &'static str,
    list: Option<&str>,
    version: &dyn Fn(&str) -> Version,
    out: &mut Vec<Setting>,
) -> Result<(), Problem> {
    let Some(list) = list.filter(|list| !list.is_empty()) else { return Ok(()) };
    if list.bytes().any(|byte| !(byte.is_ascii_digit() || b",-: /".contains(&byte))) {
        return Err(Problem::invalid(property, format!("\"{list}\" is not a list such as 0-3,6")));
    }
    out.push(Setting { version: version("cpuset"), ..Setting::v2(property, file, list) });
    Ok(())
}

/// The limit on reservations, where the kernel has it, fails a program's `mmap(2)`; the one on usage
/// kills it when it touches the page. A reserved page is used in the end, so both get the number.
fn huge_pages(limit: &LinuxHugepageLimit, version: Version, out: &mut Vec<Setting>) -> Result<(), Problem> {
    let size = limit.page_size();
    let digits = size.trim_end_matches("KB").trim_end_matches("MB").trim_end_matches("GB");
    if digits.len() + 2 != size.len() || digits.parse::<u32>().is_err() {
        let why = format!("pageSize \"{size}\" is not written like 64KB, 2MB or 1GB");
        return Err(Problem::invalid("hugepageLimits", why));
    }
    let (reserved, used, value) = match version {
        Version::V1 => ("rsvd.limit_in_bytes", "limit_in_bytes", limit.limit().to_string()),
        Version::V2 => ("rsvd.max", "max", super::convert::or_max(limit.limit())),
    };
    for (file, if_missing) in
        [(reserved, super::setting::IfMissing::Skip), (used, super::setting::IfMissing::Refuse)]
    {
        let setting = Setting::v2("hugepageLimits", "hugetlb.", &value);
        let choices = vec![(format!("hugetlb.{size}.{file}").into(), value.clone())];
        out.push(Setting { version, choices, if_missing, ..setting });
    }
    Ok(())
}

fn rdma(device: &str, limits: LinuxRdma, version: Version, out: &mut Vec<Setting>) -> Result<(), Problem> {
    if device.is_empty() || device.contains(char::is_whitespace) {
        return Err(Problem::invalid("rdma", format!("\"{device}\" is not the name of a device")));
    }
    let handles = limits.hca_handles().map(|count| format!(" hca_handle={count}"));
    let objects = limits.hca_objects().map(|count| format!(" hca_object={count}"));
    if handles.is_none() && objects.is_none() {
        let why = format!("{device} needs hcaHandles or hcaObjects");
        return Err(Problem::invalid("rdma", why));
    }
    let value = format!("{device}{}{}", handles.unwrap_or_default(), objects.unwrap_or_default());
    out.push(Setting { version, ..Setting::v2("rdma", "rdma.max", &value) });
    Ok(())
}
