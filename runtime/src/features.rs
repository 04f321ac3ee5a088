//! What this runtime can do, for engines to ask before they ask for it (the specification's "Features Structure").
//!
//! Two kinds of truth. What this program implements is the same everywhere: versions, hooks, options, namespaces.
//! What the kernel adds is probed at the moment of asking: the capabilities that it knows, and the security
//! modules that it runs.

use crate::oci::check::VERSIONS;
use crate::{rootfs, seccomp};
use oci_spec::runtime::{
    ApparmorBuilder, CgroupBuilder, Features, FeaturesBuilder, IDMapBuilder, IntelRdtBuilder, LinuxFeature,
    LinuxFeatureBuilder, LinuxNamespaceType, MemoryPolicyBuilder, MountExtensionsBuilder, NetDevicesBuilder,
    SelinuxBuilder,
};
use rustix::thread::{CapabilitySet, capability_is_in_bounding_set};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

const HOOKS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
const NAMESPACES: [LinuxNamespaceType; 8] = [
    LinuxNamespaceType::Cgroup,
    LinuxNamespaceType::Ipc,
    LinuxNamespaceType::Mount,
    LinuxNamespaceType::Network,
    LinuxNamespaceType::Pid,
    LinuxNamespaceType::Time,
    LinuxNamespaceType::User,
    LinuxNamespaceType::Uts,
];

const MEMORY_MODES: [&str; 7] = [
    "MPOL_DEFAULT",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED",
    "MPOL_PREFERRED_MANY",
    "MPOL_LOCAL",
];
const MEMORY_FLAGS: [&str; 3] = ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"];

/// The whole structure.
pub fn features() -> Features {
    let mut options: Vec<String> = rootfs::options::names().map(Into::into).collect();
    options.sort_unstable();
    let annotations =
        HashMap::from([("org.isolab.runtime.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
    let features = FeaturesBuilder::default()
        .oci_version_min(VERSIONS.0)
        .oci_version_max(VERSIONS.1)
        .hooks(words(&HOOKS))
        .mount_options(options)
        .linux(linux())
        .annotations(annotations)
        .potentially_unsafe_config_annotations(Vec::<String>::new())
        .build();
    // Every part has a default, so nothing can be missing.
    features.unwrap_or_default()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn linux() -> LinuxFeature {
    let capabilities = CapabilitySet::all().iter_names().filter_map(|(name, capability)| {
        // The kernel refuses to answer for one that it does not know.
        capability_is_in_bounding_set(capability).ok().map(|_| format!("CAP_{name}"))
    });
    let cgroup = CgroupBuilder::default().v1(true).v2(true).systemd(false).systemd_user(false).rdma(true);
    let idmap = IDMapBuilder::default().enabled(true).build().unwrap_or_default();
    let policies = MemoryPolicyBuilder::default().modes(words(&MEMORY_MODES)).flags(words(&MEMORY_FLAGS));
    LinuxFeatureBuilder::default()
        .namespaces(NAMESPACES)
        .capabilities(capabilities.collect::<Vec<_>>())
        .cgroup(cgroup.build().unwrap_or_default())
        .seccomp(seccomp::features())
        .apparmor(ApparmorBuilder::default().enabled(apparmor()).build().unwrap_or_default())
        .selinux(SelinuxBuilder::default().enabled(selinux()).build().unwrap_or_default())
        .intel_rdt(IntelRdtBuilder::default().enabled(false).build().unwrap_or_default())
        .memory_policy(policies.build().unwrap_or_default())
        .mount_extensions(MountExtensionsBuilder::default().idmap(idmap).build().unwrap_or_default())
        .net_devices(NetDevicesBuilder::default().enabled(true).build().unwrap_or_default())
        .build()
        .unwrap_or_default()
}

fn apparmor() -> bool {
    fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with('Y'))
}

fn selinux() -> bool {
    Path::new("/sys/fs/selinux/enforce").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_whole_and_says_nothing_twice() {
        let text = serde_json::to_value(features()).unwrap();
        assert!(!text.to_string().contains("null"), "{text}");
        for list in ["/hooks", "/mountOptions", "/linux/capabilities", "/linux/namespaces"] {
            let list = text.pointer(list).unwrap().as_array().unwrap();
            let mut unique = list.clone();
            unique.sort_by_key(ToString::to_string);
            unique.dedup();
            assert!(!list.is_empty() && unique.len() == list.len(), "{list:?}");
        }
        assert_eq!(text.pointer("/linux/cgroup/systemd").unwrap(), false);
    }
}
