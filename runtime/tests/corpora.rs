//! The corpora of the fuzz targets in `runtime/fuzz`; their seeds are made here.

#[path = "../../bench/tests/common/corpora.rs"]
mod corpora;

use isolab_runtime::fuzz::TARGETS;
use isolab_runtime::oci::default::{rootless_template, template};
use isolab_runtime::seccomp::default_profile;
use serde_json::{Value, json};

/// A configuration that asks for much.
fn everything() -> Value {
    let mut config = template();
    config["hooks"] =
        json!({"poststop": [{"path": "/bin/true", "args": ["true"], "env": ["A=b"], "timeout": 1}]});
    config["mounts"] = json!([
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/a", "source": "/b", "options": ["rbind", "rro", "rslave", "idmap", "noatime"],
            "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]},
        {"destination": "/t", "type": "tmpfs", "options": ["tmpcopyup", "size=1m", "mode=755"]},
    ]);
    config["process"]["scheduler"] = json!({"policy": "SCHED_BATCH", "nice": 1});
    config["process"]["ioPriority"] = json!({"class": "IOPRIO_CLASS_BE", "priority": 1});
    config["process"]["consoleSize"] = json!({"height": 24, "width": 80});
    let linux = &mut config["linux"];
    linux["namespaces"] =
        json!([{"type": "pid"}, {"type": "mount"}, {"type": "user"}, {"type": "time"}, {"type": "uts"}]);
    linux["uidMappings"] = json!([{"containerID": 0, "hostID": 1000, "size": 10}]);
    linux["gidMappings"] = json!([{"containerID": 0, "hostID": 1000, "size": 10}]);
    linux["timeOffsets"] = json!({"boottime": {"secs": 5, "nanosecs": 7}});
    linux["personality"] = json!({"domain": "LINUX32"});
    linux["sysctl"] = json!({"kernel.msgmax": "8192"});
    linux["devices"] =
        json!([{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438}]);
    linux["cgroupsPath"] = json!("/a/b");
    linux["resources"] = json!({
        "memory": {"limit": 1 << 20, "swap": 2 << 20, "reservation": 1},
        "cpu": {"shares": 512, "quota": 10_000, "period": 100_000, "cpus": "0", "mems": "0"},
        "pids": {"limit": 10},
        "blockIO": {"weight": 500, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}]},
        "devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "access": "rw"}],
        "hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
        "unified": {"memory.high": "1000"},
    });
    linux["seccomp"] = json!(default_profile());
    config
}

const RECORD: &str = r#"{"ociVersion":"1.3.0","id":"a","bundle":"/b","annotations":{"k":"v"},"created":"1970-01-01T00:00:00Z",
"owner":0,"runtime":{"pid":1,"start":2},"tied":true,"process":{"pid":3,"start":4}}"#;

/// The seeds of a target.
fn seeds(target: &str) -> Vec<(&'static str, Vec<u8>)> {
    let text = |value: Value| value.to_string().into_bytes();
    match target {
        "config" => vec![
            ("default", text(template())),
            ("rootless", text(rootless_template(1000, 1000))),
            ("everything", text(everything())),
            ("deep", b"{\"a\":".repeat(1000)),
        ],
        "seccomp" => vec![
            ("default", text(json!(default_profile()))),
            ("nothing", text(json!({"defaultAction": "SCMP_ACT_KILL"}))),
            ("choices", (0..=255).collect()),
        ],
        "state" => vec![("record", RECORD.into()), ("cut", RECORD.as_bytes()[..90].into())],
        other => panic!("no recipe for {other}"),
    }
}

#[test]
fn the_corpora_break_nothing() {
    corpora::play(env!("CARGO_MANIFEST_DIR"), &TARGETS, seeds);
}
