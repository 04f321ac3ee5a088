//! config-linux.md: masked and readonly paths, root propagation, sysctl, personality, memory policy, Intel RDT.

use crate::common::bundle::Bundle;
use crate::common::skipped;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

/// A root with folders, files and special files to cover.
fn things(bundle: &Bundle) {
    fs::create_dir_all(bundle.inside("folder/below")).unwrap();
    for file in ["folder/file", "folder/below/file", "file"] {
        fs::write(bundle.inside(file), "secret").unwrap();
    }
    let (mode, zero) = (Mode::from(0o666), makedev(0, 0));
    mknodat(CWD, bundle.inside("pipe"), FileType::Fifo, mode, zero).unwrap();
    mknodat(CWD, bundle.inside("character"), FileType::CharacterDevice, mode, zero).unwrap();
    mknodat(CWD, bundle.inside("block"), FileType::BlockDevice, mode, zero).unwrap();
}

const THINGS: [&str; 9] = [
    "/folder",
    "/file",
    "/folder/below",
    "/folder/file",
    "/folder/below/file",
    "/pipe",
    "/character",
    "/block",
    "/not/there",
];

/// "maskedPaths will mask over the provided paths inside the container so that they cannot be read."
#[test]
fn masked_paths_cannot_be_read() {
    let Some(mut bundle) = Bundle::new("linux_masked") else { return };
    things(&bundle);
    bundle.config["linux"]["maskedPaths"] = json!(THINGS);
    let said = bundle.says(
        "ls -A /folder | wc -l; for name in file pipe character block; do timeout 5 cat /$name; done; \
        touch /folder/new 2>/dev/null || echo denied; cat /proc/self/mounts | grep -c ' /file '",
    );
    assert_eq!(said, "0\ndenied\n1\n");
    symlink("../loop", bundle.inside("loop")).unwrap();
    bundle.config["linux"]["maskedPaths"] = json!(["/loop"]);
    let line = bundle.refuses("/loop");
    assert!(line.contains("/loop"), "a link to itself is not there to be masked: {line}");
}

/// "readonlyPaths will set the provided paths as readonly inside the container."
#[test]
fn readonly_paths_cannot_be_written() {
    let Some(mut bundle) = Bundle::new("linux_readonly") else { return };
    things(&bundle);
    bundle.config["linux"]["readonlyPaths"] = json!(THINGS);
    let said = bundle.says(
        "cat /file /folder/file; for path in /file /folder/file /folder/new /folder/below/file \
        /folder/below/new; do echo x 2>/dev/null > $path && echo $path; done; touch /elsewhere && echo ok",
    );
    assert_eq!(said, "secretsecretok\n");
}

/// The usual masked and readonly paths of /proc and /sys hold.
#[test]
fn the_default_paths_are_covered() {
    let Some(mut bundle) = Bundle::new("linux_paths") else { return };
    bundle.config["linux"]["maskedPaths"] = json!(["/proc/kcore", "/sys/firmware", "/proc/timer_list"]);
    bundle.config["linux"]["readonlyPaths"] = json!(["/proc/sys", "/proc/sysrq-trigger"]);
    let said = bundle.says("cat /proc/kcore 2>/dev/null | wc -c; ls -A /sys/firmware | wc -l; \
        for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern; do echo x 2>/dev/null > $file || echo denied; done");
    assert_eq!(said, "0\n0\ndenied\ndenied\n");
}

/// rootfsPropagation of the container's root: the optional fields of its line in mountinfo.
#[test]
fn the_root_has_its_propagation() {
    let Some(mut bundle) = Bundle::new("linux_propagation") else { return };
    for (option, shown) in [
        ("shared", "shared:"),
        ("private", ""),
        ("unbindable", "unbindable"),
        ("rshared", "shared:"),
        ("rprivate", ""),
        ("slave", ""),
        ("rslave", ""),
    ] {
        bundle.config["linux"]["rootfsPropagation"] = json!(option);
        let said = bundle.says("grep ' / / ' /proc/self/mountinfo || grep ' / [a-z]' /proc/self/mountinfo");
        let line = said.lines().next().unwrap_or_default();
        let fields: Vec<_> = line.split(" - ").next().unwrap().split(' ').skip(6).collect();
        let fields = fields.join(" ");
        let right = match shown {
            "" => !fields.contains("shared:") && !fields.contains("unbindable"),
            shown => fields.contains(shown),
        };
        assert!(right, "{option}: {said}");
    }
    bundle.config["linux"]["rootfsPropagation"] = json!("sideways");
    bundle.refuses("sideways");
}

/// sysctl: namespaced ones of a new namespace are set; others are refused.
#[test]
fn kernel_parameters_are_set_or_refused() {
    let Some(mut bundle) = Bundle::new("linux_sysctl") else { return };
    bundle.config["linux"]["sysctl"] = json!({ "net.ipv4.ip_forward": "1", "kernel.msgmax": "4096" });
    assert_eq!(bundle.says("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax"), "1\n4096\n");
    for wrong in [
        "kernel.core_pattern",
        "vm.swappiness",
        "fs.file-max",
        "net.ipv4.no_such_thing",
        "kernel/../vm/swappiness",
    ] {
        bundle.config["linux"]["sysctl"] = json!({ wrong: "1" });
        let line = bundle.refuses(wrong);
        assert!(line.contains(wrong), "{line}");
    }
    bundle.config["linux"]["sysctl"] = json!({ "net.ipv4.ip_forward": "1" });
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().retain(|each| each["type"] != "network");
    bundle.refuses("sysctl of the host's network");
}

/// personality: the execution domain.
#[test]
fn the_execution_domain_is_set() {
    let Some(mut bundle) = Bundle::new("linux_personality") else { return };
    for (domain, machine) in [("LINUX32", "i686"), ("LINUX", "x86_64")] {
        bundle.config["linux"]["personality"] = json!({ "domain": domain });
        let said = bundle.says("busybox uname -m");
        if cfg!(target_arch = "x86_64") {
            assert_eq!(said.trim(), machine);
        }
    }
    bundle.config["linux"]["personality"] = json!({ "domain": "PLAN9" });
    bundle.refuses("PLAN9");
}

/// memoryPolicy: mode, nodes and flags of `set_mempolicy(2)`.
#[test]
fn the_memory_policy_is_set() {
    let Some(mut bundle) = Bundle::new("linux_memory_policy") else { return };
    if !fs::exists("/proc/self/numa_maps").unwrap() {
        skipped("the_memory_policy_is_set", "this kernel has no memory policies");
        return;
    }
    for (policy, shown) in [
        (json!({ "mode": "MPOL_INTERLEAVE", "nodes": "0" }), "interleave:0"),
        (json!({ "mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"] }), "bind=static:0"),
        (json!({ "mode": "MPOL_DEFAULT" }), "default"),
        (json!({ "mode": "MPOL_LOCAL" }), "local"),
    ] {
        bundle.config["linux"]["memoryPolicy"] = policy.clone();
        let said = bundle.says("cat /proc/self/numa_maps");
        assert!(said.contains(shown), "{policy}: {said}");
    }
    for wrong in [
        json!({ "mode": "INTERLEAVE", "nodes": "0" }),
        json!({ "nodes": "0" }),
        json!({ "mode": "MPOL_BIND", "nodes": "0", "flags": ["BAD"] }),
        json!({ "mode": "MPOL_BIND", "nodes": "0-9876543210" }),
        json!({ "mode": "MPOL_BIND", "nodes": "" }),
        json!({ "mode": "MPOL_DEFAULT", "nodes": "0-7", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"] }),
    ] {
        bundle.config["linux"]["memoryPolicy"] = wrong;
        bundle.refuses(&bundle.config["linux"]["memoryPolicy"]);
    }
}

/// "If no mounted resctrl pseudo-filesystem is available in the runtime mount namespace, the runtime MUST generate an error."
#[test]
fn intel_rdt_without_its_file_system_is_an_error() {
    let Some(mut bundle) = Bundle::new("linux_rdt") else { return };
    if fs::read_to_string("/proc/self/mounts").unwrap().contains(" resctrl ") {
        skipped("intel_rdt_without_its_file_system_is_an_error", "resctrl is mounted here");
        return;
    }
    bundle.config["linux"]["intelRdt"] = json!({ "closID": "guaranteed", "l3CacheSchema": "L3:0=fff" });
    let line = bundle.refuses("intelRdt");
    assert!(line.contains("intelRdt"), "{line}");
}

/// A security module that is not there cannot give a label: an error, never silence.
#[test]
fn labels_of_absent_security_modules_are_errors() {
    let Some(mut bundle) = Bundle::new("linux_labels") else { return };
    let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    if !modules.contains("apparmor") {
        bundle.config["process"]["apparmorProfile"] = json!("a-profile");
        let line = bundle.refuses("apparmorProfile");
        assert!(line.contains("apparmor"), "{line}");
        bundle.config["process"].as_object_mut().unwrap().remove("apparmorProfile");
    }
    if !modules.contains("selinux") {
        bundle.config["process"]["selinuxLabel"] = json!("system_u:system_r:svirt_lxc_net_t:s0:c124,c675");
        bundle.refuses("selinuxLabel");
        bundle.config["process"].as_object_mut().unwrap().remove("selinuxLabel");
        bundle.config["linux"]["mountLabel"] = json!("system_u:object_r:svirt_sandbox_file_t:s0:c715,c811");
        let line = bundle.refuses("mountLabel");
        assert!(line.contains("mountLabel"), "{line}");
    }
}
