//! The configuration that `spec` prints: the usual one of the engines' low-level runtimes, a shell on a read-only root
//! in all namespaces. `contain` starts from it as well.

use serde_json::{Value, json};

/// The text of the default configuration.
pub fn template() -> Value {
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
    let with = |more: &[&'static str]| [&["nosuid", "noexec", "nodev"], more].concat();
    json!({
        "ociVersion": "1.2.0",
        "process": {
            "terminal": true,
            "user": { "uid": 0, "gid": 0 },
            "args": ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities
            },
            "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
            "noNewPrivileges": true
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": "isolab",
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
              "options": ["nosuid", "strictatime", "mode=755", "size=65536k"] },
            { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
              "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] },
            { "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
              "options": with(&["mode=1777", "size=65536k"]) },
            { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": with(&[]) },
            { "destination": "/sys", "type": "sysfs", "source": "sysfs", "options": with(&["ro"]) },
            { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
              "options": with(&["relatime", "ro"]) }
        ],
        "linux": {
            "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
            "namespaces": [
                { "type": "pid" }, { "type": "network" }, { "type": "ipc" },
                { "type": "uts" }, { "type": "mount" }, { "type": "cgroup" }
            ],
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"
            ],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
        }
    })
}

/// The default configuration for an ordinary user: a user namespace in which `user` and `group` are root. What
/// such a user cannot have is left out: limits, a group of terminals, cgroup mounts, a `/sys` of his own.
pub fn rootless_template(user: u32, group: u32) -> Value {
    let mut text = template();
    let single = |host: u32| json!([{ "containerID": 0, "hostID": host, "size": 1 }]);
    text["linux"]["uidMappings"] = single(user);
    text["linux"]["gidMappings"] = single(group);
    text["linux"]["namespaces"] = json!([
        { "type": "pid" }, { "type": "ipc" }, { "type": "uts" },
        { "type": "mount" }, { "type": "cgroup" }, { "type": "user" }
    ]);
    if let Some(linux) = text["linux"].as_object_mut() {
        linux.remove("resources");
    }
    if let Some(mounts) = text["mounts"].as_array_mut() {
        mounts.retain(|mount| mount["type"] != "cgroup");
        for mount in mounts {
            if let Some(options) = mount["options"].as_array_mut() {
                options.retain(|option| option != "gid=5");
            }
            if mount["type"] == "sysfs" {
                *mount = json!({
                    "destination": "/sys", "type": "none", "source": "/sys",
                    "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]
                });
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::config::parse;
    use std::path::Path;

    #[test]
    fn the_templates_are_configurations() {
        for text in [template(), rootless_template(1000, 1000)] {
            parse(text.to_string().as_bytes(), Path::new("template")).unwrap();
        }
    }
}
