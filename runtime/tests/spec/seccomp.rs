//! config-linux.md, "Seccomp".

use crate::common::bundle::Bundle;
use serde_json::{Value, json};

/// Denies `getcwd`, which `pwd -P` needs.
fn profile(action: &str) -> Value {
    json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["getcwd"], "action": action }] })
}

/// The action is applied to the named call and to no other, with and without noNewPrivileges.
#[test]
fn a_call_is_denied_and_the_others_are_not() {
    let Some(mut bundle) = Bundle::new("seccomp_deny") else { return };
    for new_privileges in [true, false] {
        bundle.config["process"]["noNewPrivileges"] = json!(new_privileges);
        bundle.config["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO");
        let said = bundle.says("grep ^Seccomp: /proc/self/status; cd /bin; busybox pwd -P 2>&1");
        assert!(said.starts_with("Seccomp:\t2\n") && said.contains("not permitted"), "{said}");
        bundle.config["linux"].as_object_mut().unwrap().remove("seccomp");
        let said = bundle.says("grep ^Seccomp: /proc/self/status; cd /bin; busybox pwd -P 2>&1");
        assert_eq!(said, "Seccomp:\t0\n/bin\n");
    }
}

/// errnoRet and defaultErrnoRet.
#[test]
fn the_error_is_the_configured_one() {
    let Some(mut bundle) = Bundle::new("seccomp_errno") else { return };
    bundle.config["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO");
    // ENOSYS
    bundle.config["linux"]["seccomp"]["syscalls"][0]["errnoRet"] = json!(38);
    assert!(bundle.says("cd /bin; busybox pwd -P 2>&1 || true").contains("not implemented"));
}

/// A killed process is killed by SIGSYS, as far as the exit status of a shell shows it.
#[test]
fn a_call_can_kill_its_process() {
    let Some(mut bundle) = Bundle::new("seccomp_kill") else { return };
    // The shell itself calls getcwd.
    bundle.config["linux"]["seccomp"] = profile("SCMP_ACT_KILL_PROCESS");
    bundle.config["linux"]["seccomp"]["syscalls"][0]["names"] = json!(["mkdir", "mkdirat"]);
    assert_eq!(bundle.says("exec 2>/dev/null; (mkdir /new); echo $?"), "159\n");
}

/// A default action of the whole profile, with the calls of a shell allowed: the runtime itself needs none after the filter
/// is in, but those that the program's execution needs.
#[test]
fn everything_else_can_be_denied() {
    let Some(mut bundle) = Bundle::new("seccomp_default") else { return };
    let profile = isolab_runtime::seccomp::default_profile();
    bundle.config["linux"]["seccomp"] = serde_json::to_value(profile).unwrap();
    for new_privileges in [true, false] {
        bundle.config["process"]["noNewPrivileges"] = json!(new_privileges);
        let said = bundle.says("echo works; busybox unshare -U true 2>/dev/null || echo denied");
        assert_eq!(said, "works\ndenied\n");
    }
}

/// Unknown names are skipped, as engines rely on; "names MUST contain at least one entry"; unknown actions, architectures
/// and operators are errors; a listener needs a path.
#[test]
fn what_makes_no_sense_is_an_error() {
    let Some(mut bundle) = Bundle::new("seccomp_wrong") else { return };
    bundle.config["linux"]["seccomp"] = json!({ "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{ "names": ["no_such_call", "getcwd"], "action": "SCMP_ACT_ERRNO", "args": [] }] });
    assert!(bundle.says("busybox pwd -P 2>&1 || true").contains("not permitted"));
    for wrong in [
        json!({ "defaultAction": "SCMP_ACT_NOTHING" }),
        json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_Z80"] }),
        json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": [], "action": "SCMP_ACT_ERRNO" }] }),
        json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["getcwd"], "action": "SCMP_ACT_NOTIFY" }] }),
        json!({ "defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NOTHING"] }),
        json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["getcwd"], "action": "SCMP_ACT_ERRNO",
            "args": [{ "index": 9, "value": 0, "op": "SCMP_CMP_EQ" }] }] }),
    ] {
        bundle.config["linux"]["seccomp"] = wrong;
        bundle.refuses(&bundle.config["linux"]["seccomp"]);
    }
}

/// `SCMP_ACT_NOTIFY`: the listener's descriptor and the container process state are sent to listenerPath while the container is
/// created.
#[test]
fn the_listener_is_sent_to_its_path() {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    use std::io::IoSliceMut;
    use std::mem::MaybeUninit;
    let Some(mut bundle) = Bundle::new("seccomp_notify") else { return };
    let path = bundle.beside("agent");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    bundle.config["linux"]["seccomp"] = profile("SCMP_ACT_NOTIFY");
    bundle.config["linux"]["seccomp"]["listenerPath"] = json!(path);
    bundle.config["linux"]["seccomp"]["listenerMetadata"] = json!("opaque to the runtime");
    let agent = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut data = vec![0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut data)];
        let read = recvmsg(&stream, &mut parts, &mut control, RecvFlags::empty()).unwrap().bytes;
        let descriptors: usize = control
            .drain()
            .map(
                |message| {
                    if let RecvAncillaryMessage::ScmRights(files) = message { files.count() } else { 0 }
                },
            )
            .sum();
        (descriptors, serde_json::from_slice::<Value>(&data[..read]).unwrap())
    });
    bundle.create();
    let (descriptors, state) = agent.join().unwrap();
    assert_eq!(descriptors, 1);
    assert_eq!(state["fds"], json!(["seccompFd"]));
    assert_eq!(state["metadata"], "opaque to the runtime");
    assert_eq!(state["pid"], json!(bundle.pid()));
    assert_eq!(state["state"]["id"], json!(bundle.id));
    assert_eq!(state["state"]["bundle"].as_str().map(std::path::PathBuf::from), Some(bundle.path()));
}
