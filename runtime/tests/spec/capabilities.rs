//! config.md, "Linux Process": the five sets of capabilities.

use crate::common::bundle::Bundle;
use serde_json::{Value, json};

const SETS: [&str; 5] = ["bounding", "effective", "inheritable", "permitted", "ambient"];
const LINES: [&str; 5] = ["CapBnd", "CapEff", "CapInh", "CapPrm", "CapAmb"];

/// The sets of the process, in the order of `SETS`.
fn sets(bundle: &mut Bundle) -> [u64; 5] {
    let said = bundle.says("grep ^Cap /proc/self/status");
    LINES.map(|name| {
        let line = said.lines().find(|line| line.starts_with(name)).unwrap();
        u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
    })
}

/// All five sets are exactly the configured ones, for root and for an ordinary user.
#[test]
fn the_sets_are_exactly_the_configured_ones() {
    let Some(mut bundle) = Bundle::new("capabilities_sets") else { return };
    // CAP_CHOWN 0, CAP_KILL 5, CAP_NET_BIND_SERVICE 10, CAP_SYS_CHROOT 18
    let wanted = 1 | 1 << 5 | 1 << 10 | 1 << 18;
    let names = json!(["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT"]);
    bundle.config["process"]["capabilities"] =
        SETS.map(|set| (set.to_string(), names.clone())).into_iter().collect();
    for user in [0, 10] {
        bundle.config["process"]["user"]["uid"] = json!(user);
        assert_eq!(sets(&mut bundle), [wanted; 5], "user {user}");
    }
}

/// A set that is absent is empty, the bounding set too; without `capabilities` there are none.
#[test]
fn absent_sets_are_empty() {
    let Some(mut bundle) = Bundle::new("capabilities_absent") else { return };
    bundle.config["process"]["noNewPrivileges"] = json!(false);
    for absent in [json!({ "effective": [], "permitted": [] }), json!({}), Value::Null] {
        bundle.config["process"]["capabilities"] = absent.clone();
        assert_eq!(sets(&mut bundle), [0; 5], "{absent}");
    }
}

/// Ambient capabilities reach an ordinary user's program, those not in the set do not.
#[test]
fn ambient_capabilities_survive_the_change_of_user() {
    let Some(mut bundle) = Bundle::new("capabilities_ambient") else { return };
    let two = json!(["CAP_CHOWN", "CAP_KILL"]);
    let one = json!(["CAP_KILL"]);
    bundle.config["process"]["user"] = json!({ "uid": 10, "gid": 10 });
    bundle.config["process"]["capabilities"] =
        json!({ "bounding": two, "effective": two, "permitted": two, "inheritable": one, "ambient": one });
    assert_eq!(sets(&mut bundle), [1 | 1 << 5, 1 << 5, 1 << 5, 1 << 5, 1 << 5]);
    let file = "touch /file; busybox chown 11 /file 2>&1";
    bundle.config["process"]["user"]["uid"] = json!(0);
    bundle.config["process"]["capabilities"] = json!({ "bounding": one, "effective": one, "permitted": one });
    assert!(bundle.says(file).contains("Operation not permitted"));
}

/// "Any value which cannot be mapped to a relevant kernel interface, or cannot be granted otherwise, MUST be logged as a
/// warning": a name that is no capability's. The others of its set are given. What is no name at all is an error.
#[test]
fn an_unknown_capability_is_a_warning() {
    let Some(mut bundle) = Bundle::new("capabilities_unknown") else { return };
    bundle.set_script("grep -E '^Cap(Bnd|Eff)' /proc/self/status");
    for wrong in ["CAP_TEST", "TEST_CAP", ""] {
        bundle.config["process"]["capabilities"] = json!({ "bounding": [wrong, "CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL", wrong] });
        let output = bundle.create_with(&[]);
        assert!(output.status.success(), "{}", crate::common::errors(&output));
        let warning = format!("warning: config.json: process.capabilities: {wrong}: ");
        assert!(crate::common::errors(&output).contains(&warning), "{}", crate::common::errors(&output));
        bundle.must("start", &[]);
        bundle.wait();
        assert_eq!(bundle.printed(), "CapEff:\t0000000000000020\nCapBnd:\t0000000000000020\n");
        bundle.must("delete", &[]);
    }
    bundle.config["process"]["capabilities"]["bounding"] = json!([7]);
    bundle.refuses("a number");
}

/// One that the runtime itself does not have is not granted, and not an error ("SHOULD NOT fail if the container
/// configuration requests capabilities that cannot be granted"); there is a warning.
#[test]
fn what_cannot_be_granted_is_a_warning() {
    let Some(mut bundle) = Bundle::new("capabilities_lacking") else { return };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("CapEff")).unwrap();
    let own = u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap();
    // CAP_SYS_RESOURCE 24
    if own & 1 << 24 != 0 {
        crate::common::skipped("what_cannot_be_granted_is_a_warning", "this root has CAP_SYS_RESOURCE");
        return;
    }
    let names = json!(["CAP_KILL", "CAP_SYS_RESOURCE"]);
    bundle.config["process"]["capabilities"] =
        SETS.map(|set| (set.to_string(), names.clone())).into_iter().collect();
    bundle.set_script("grep ^CapBnd /proc/self/status");
    let output = bundle.create_with(&[]);
    assert!(output.status.success(), "{}", crate::common::errors(&output));
    assert!(
        crate::common::errors(&output)
            .contains("warning: config.json: process.capabilities: CAP_SYS_RESOURCE")
    );
    bundle.must("start", &[]);
    bundle.wait();
    assert_eq!(bundle.printed(), "CapBnd:\t0000000000000020\n");
}
