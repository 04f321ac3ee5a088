//! Mounts that reach the host or come from it, and those that must not.

use super::{add, allow_mounts, set, tmpfs};
use crate::common::bundle::Bundle;
use crate::common::own_mounts;
use nix::mount::MsFlags;
use serde_json::json;
use std::fs;

#[test]
fn mounts_travel_only_where_they_may() {
    let test = "mounts_travel_only_where_they_may";
    // Options of the volume, the root's propagation; whether the host's mounts arrive, and the container's leave.
    let cases: [(&[&str], &str, bool, bool); 5] = [
        (&["rbind"], "", true, false),
        (&["rbind", "rslave"], "", true, false),
        (&["rbind", "rprivate"], "", false, false),
        (&["rbind", "rshared"], "shared", true, true),
        (&["rbind", "rslave"], "shared", true, false),
    ];
    for (options, root, arrive, leave) in cases {
        let Some(mut bundle) = Bundle::new(test) else { return };
        if !own_mounts(test) {
            return;
        }
        allow_mounts(&mut bundle);
        let volume = bundle.beside("volume");
        fs::create_dir(&volume).unwrap();
        tmpfs(&volume);
        set(&volume, MsFlags::MS_SHARED);
        for name in ["host", "container"] {
            fs::create_dir(volume.join(name)).unwrap();
        }
        add(&mut bundle, "none", &volume, "/volume", options);
        bundle.config["linux"]["rootfsPropagation"] = json!(root);
        bundle.set_script("test -e /volume/host/x && echo seen; mount -t tmpfs x /volume/container; touch /volume/container/x");
        bundle.create();
        tmpfs(&volume.join("host"));
        fs::write(volume.join("host/x"), "").unwrap();
        bundle.must("start", &[]);
        bundle.wait();
        assert_eq!(bundle.printed(), if arrive { "seen\n" } else { "" }, "{options:?} {root:?}");
        assert_eq!(volume.join("container/x").exists(), leave, "{options:?} {root:?}");
        let info = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        let root = bundle.inside("");
        assert!(!info.contains(root.to_str().unwrap()), "the container's root is seen on the host: {info}");
    }
}

#[test]
fn the_root_propagates_as_configured() {
    let test = "the_root_propagates_as_configured";
    for kind in ["shared", "slave", "private", "rprivate", "unbindable"] {
        let Some(mut bundle) = Bundle::new(test) else { return };
        allow_mounts(&mut bundle);
        for name in ["copy", "a", "b"] {
            fs::create_dir(bundle.inside(name)).unwrap();
        }
        fs::write(bundle.inside("a/file"), "").unwrap();
        bundle.config["linux"]["rootfsPropagation"] = json!(kind);
        let script = "mount -o bind / /copy 2> /dev/null || exec echo unbindable; \
             mount -o bind /a /b; test -e /copy/b/file && echo shared || echo apart";
        let expected = match kind {
            "shared" => "shared\n",
            "unbindable" => "unbindable\n",
            _ => "apart\n",
        };
        assert_eq!(bundle.says(script), expected, "{kind}");
    }
}

#[test]
fn without_a_mount_namespace_nothing_is_left_on_the_host() {
    let test = "without_a_mount_namespace_nothing_is_left_on_the_host";
    let Some(mut bundle) = Bundle::new(test) else { return };
    if !own_mounts(test) {
        return;
    }
    let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|each| each["type"] != "mount");
    let mounts = || fs::read_to_string("/proc/thread-self/mountinfo").unwrap().lines().count();
    let before = mounts();
    assert_eq!(bundle.says("test -e /bin/busybox && test -e /proc/self && echo there"), "there\n");
    assert_eq!(mounts(), before);
}
