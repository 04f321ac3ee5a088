//! config.md, "Mounts", and config-linux.md, "Default Filesystems".

use crate::common::bundle::Bundle;
use serde_json::{Value, json};
use std::fs;

/// The mounts that a process sees: destination, options, type, source, super block options.
fn mounts(said: &str) -> Vec<[String; 5]> {
    let parse = |line: &str| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mount: Vec<_> = mount.split(' ').collect();
        let file_system: Vec<_> = file_system.split(' ').collect();
        Some([mount[4], mount[5], file_system[0], file_system[1], file_system[2]].map(str::to_string))
    };
    said.lines().filter_map(parse).collect()
}

fn mount(bundle: &mut Bundle, mount: Value) {
    bundle.config["mounts"].as_array_mut().unwrap().push(mount);
}

/// "The runtime MUST mount entries in the listed order", with their destination, type and source.
#[test]
fn mounts_are_made_in_the_listed_order() {
    let Some(mut bundle) = Bundle::new("mounts_order") else { return };
    for (destination, source) in [("/deep", "first"), ("/deep/er", "second"), ("/deep/er/still", "third")] {
        mount(&mut bundle, json!({ "destination": destination, "type": "tmpfs", "source": source }));
    }
    let wanted: Vec<_> = bundle.config["mounts"].as_array().unwrap().clone();
    let seen = mounts(&bundle.says("cat /proc/self/mountinfo"));
    let mut from = 0;
    for wanted in wanted.iter().filter(|mount| mount["type"] != "cgroup") {
        let found = seen[from..].iter().position(|[destination, _, kind, source, _]| {
            wanted["destination"] == **destination && wanted["type"] == **kind && wanted["source"] == **source
        });
        from += 1 + found.unwrap_or_else(|| panic!("{wanted} is not there, or out of order: {seen:?}"));
    }
}

/// The default file systems: /proc, /sys, /dev/pts and /dev/shm.
#[test]
fn the_default_file_systems_are_there() {
    let Some(mut bundle) = Bundle::new("mounts_default") else { return };
    let seen = mounts(&bundle.says("cat /proc/self/mountinfo"));
    for (path, kind) in [("/proc", "proc"), ("/sys", "sysfs"), ("/dev/pts", "devpts"), ("/dev/shm", "tmpfs")]
    {
        assert!(seen.iter().any(|mount| mount[0] == path && mount[2] == kind), "{path}: {seen:?}");
    }
}

/// Options of the mount: those of the file system's data, and those of the mount itself.
#[test]
fn the_options_are_applied() {
    let Some(mut bundle) = Bundle::new("mounts_options") else { return };
    mount(
        &mut bundle,
        json!({ "destination": "/options", "type": "tmpfs", "source": "tmpfs",
        "options": ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "size=64k", "mode=711", "sync", "dirsync"] }),
    );
    let said = bundle.says("cat /proc/self/mountinfo; busybox stat -c %a /options");
    let seen = mounts(&said);
    let [_, options, _, _, data] = seen.iter().find(|mount| mount[0] == "/options").expect("mounted").clone();
    for option in ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"] {
        assert!(options.split(',').any(|each| each == option), "{option}: {options}");
    }
    for option in ["size=64k", "mode=711", "sync", "dirsync"] {
        assert!(data.split(',').any(|each| each == option), "{option}: {data}");
    }
    assert!(said.ends_with("711\n"), "{said}");
    mount(
        &mut bundle,
        json!({ "destination": "/wrong", "type": "tmpfs", "source": "tmpfs", "options": ["no-such-option"] }),
    );
    let line = bundle.refuses("no-such-option");
    assert!(line.contains("/wrong"), "{line}");
}

/// Bind mounts: folders and files, relative to the bundle, read-only, with the targets made; data of a file system means
/// nothing to them.
#[test]
fn folders_and_files_are_bound() {
    let Some(mut bundle) = Bundle::new("mounts_bind") else { return };
    fs::create_dir(bundle.beside("folder")).unwrap();
    fs::write(bundle.beside("folder/file"), "in the folder\n").unwrap();
    fs::write(bundle.beside("file"), "alone\n").unwrap();
    let folder = bundle.beside("folder").display().to_string();
    mount(
        &mut bundle,
        json!({ "destination": "/new/folder", "type": "bind", "source": folder, "options": ["rbind"] }),
    );
    mount(&mut bundle, json!({ "destination": "/new/file", "source": "file", "options": ["bind", "ro"] }));
    mount(
        &mut bundle,
        json!({ "destination": "/new/data", "source": folder,
        "options": ["nosuid", "strictatime", "mode=755", "size=1k", "bind", "private"] }),
    );
    let said = bundle.says(
        "cat /new/folder/file /new/file /new/data/file; echo more >> /new/folder/file; \
        echo more 2>&1 >> /new/file || true",
    );
    assert!(said.starts_with("in the folder\nalone\nin the folder\n"), "{said}");
    assert_eq!(fs::read_to_string(bundle.beside("folder/file")).unwrap(), "in the folder\nmore\n");
    assert_eq!(fs::read_to_string(bundle.beside("file")).unwrap(), "alone\n");
    mount(&mut bundle, json!({ "destination": "/x", "source": "/no/such/source", "options": ["bind"] }));
    let line = bundle.refuses("/no/such/source");
    assert!(line.contains("/no/such/source"), "{line}");
}

/// A link in the root does not lead a mount out of the root (CVE-2021-30465 and its like); /proc and /sys are no links.
#[test]
fn links_do_not_lead_out_of_the_root() {
    use std::os::unix::fs::symlink;
    let Some(mut bundle) = Bundle::new("mounts_links") else { return };
    fs::create_dir(bundle.beside("outside")).unwrap();
    symlink("../outside", bundle.inside("relative")).unwrap();
    symlink(bundle.beside("outside"), bundle.inside("absolute")).unwrap();
    for destination in ["/relative/a", "/absolute/b"] {
        mount(&mut bundle, json!({ "destination": destination, "type": "tmpfs", "source": "tmpfs" }));
    }
    let _ = bundle.create_with(&[]);
    assert_eq!(fs::read_dir(bundle.beside("outside")).unwrap().count(), 0, "something was made outside");
    for name in ["proc", "sys"] {
        let Some(bundle) = Bundle::new("mounts_links") else { return };
        symlink("/tmp", bundle.inside(name)).unwrap();
        let line = bundle.refuses(name);
        assert!(line.contains("must be mounted on ordinary directory"), "{line}");
    }
}

/// The recursive options reach the mounts below, the plain ones do not.
#[test]
fn recursive_options_reach_the_mounts_below() {
    let Some(mut bundle) = Bundle::new("mounts_recursive") else { return };
    let tree = bundle.beside("tree");
    fs::create_dir_all(tree.join("below")).unwrap();
    let below = Tmpfs::mount(&tree.join("below"));
    let mut options = |option: &str| {
        let mounts = bundle.config["mounts"].as_array_mut().unwrap();
        mounts.retain(|mount| mount["destination"] != "/tree");
        mounts.push(json!({ "destination": "/tree", "source": tree, "options": ["rbind", option] }));
        let seen = mounts_of(&bundle.says("cat /proc/self/mountinfo"), "/tree");
        assert_eq!(seen.len(), 2, "{option}: {seen:?}");
        seen
    };
    for (option, shown) in [
        ("rro", "ro"),
        ("rnosuid", "nosuid"),
        ("rnodev", "nodev"),
        ("rnoexec", "noexec"),
        ("rnoatime", "noatime"),
        ("rnodiratime", "nodiratime"),
        ("rnosymfollow", "nosymfollow"),
    ] {
        let seen = options(option);
        assert!(seen.iter().all(|options| options.contains(&shown.to_string())), "{option}: {seen:?}");
    }
    for (option, not_shown) in [
        ("rrw", "ro"),
        ("rsuid", "nosuid"),
        ("rdev", "nodev"),
        ("rexec", "noexec"),
        ("rsymfollow", "nosymfollow"),
        ("rdiratime", "nodiratime"),
        ("rstrictatime", "relatime"),
        ("ratime", "noatime"),
    ] {
        let seen = options(option);
        assert!(!seen.iter().any(|options| options.contains(&not_shown.to_string())), "{option}: {seen:?}");
    }
    let seen = options("ro");
    assert!(seen[0].contains(&"ro".into()) && seen[1].contains(&"rw".into()), "{seen:?}");
    drop(below);
}

fn mounts_of(said: &str, prefix: &str) -> Vec<Vec<String>> {
    let of = |mount: &[String; 5]| mount[1].split(',').map(str::to_string).collect();
    mounts(said).iter().filter(|mount| mount[0].starts_with(prefix)).map(of).collect()
}

/// Propagation of a mount: the optional fields of proc(5)'s mountinfo.
#[test]
fn the_propagation_of_a_mount_is_set() {
    let Some(mut bundle) = Bundle::new("mounts_propagation") else { return };
    let source = bundle.beside("source");
    fs::create_dir(&source).unwrap();
    let shared = Tmpfs::mount(&source);
    shared.share();
    for (option, shown) in
        [("shared", "shared:"), ("slave", "master:"), ("private", ""), ("unbindable", "unbindable")]
    {
        for recursive in ["", "r"] {
            let mounts = bundle.config["mounts"].as_array_mut().unwrap();
            mounts.retain(|mount| mount["destination"] != "/place");
            mounts.push(json!({ "destination": "/place", "source": source, "options": ["rbind", format!("{recursive}{option}")] }));
            let said = bundle.says("grep ' /place ' /proc/self/mountinfo");
            let fields: Vec<_> = said.split(" - ").next().unwrap().split(' ').skip(6).collect();
            let fields = fields.join(" ");
            assert!(
                if shown.is_empty() { fields.is_empty() } else { fields.contains(shown) },
                "{recursive}{option}: {said}"
            );
        }
    }
}

/// tmpcopyup: the file system starts with what it covers.
#[test]
fn a_file_system_in_memory_can_start_with_what_it_covers() {
    let Some(mut bundle) = Bundle::new("mounts_copy_up") else { return };
    fs::create_dir(bundle.inside("etc")).unwrap();
    fs::write(bundle.inside("etc/file"), "copied\n").unwrap();
    mount(
        &mut bundle,
        json!({ "destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"] }),
    );
    assert_eq!(bundle.says("cat /etc/file; echo changed > /etc/file"), "copied\n");
    assert_eq!(fs::read_to_string(bundle.inside("etc/file")).unwrap(), "copied\n");
}

/// uidMappings and gidMappings of a mount, with idmap and without it.
#[test]
fn a_mount_maps_its_owners() {
    let Some(mut bundle) = Bundle::new("mounts_idmap") else { return };
    let source = bundle.beside("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "").unwrap();
    std::os::unix::fs::chown(source.join("file"), Some(100), Some(200)).unwrap();
    for options in [json!(["bind"]), json!(["bind", "idmap"]), json!(["rbind", "ridmap"])] {
        let mounts = bundle.config["mounts"].as_array_mut().unwrap();
        mounts.retain(|mount| mount["destination"] != "/mapped");
        mounts.push(json!({ "destination": "/mapped", "type": "bind", "source": source, "options": options,
            "uidMappings": [{ "containerID": 100, "hostID": 1100, "size": 10 }],
            "gidMappings": [{ "containerID": 200, "hostID": 1200, "size": 10 }] }));
        bundle.set_script("busybox stat -c '%u %g' /mapped/file");
        let output = bundle.create_with(&[]);
        if !output.status.success() && crate::common::errors(&output).contains("mapping the owners") {
            crate::common::skipped("a_mount_maps_its_owners", "this file system has no mapped mounts");
            return;
        }
        bundle.must("start", &[]);
        bundle.wait();
        assert_eq!(bundle.printed(), "1100 1200\n", "{options}");
        bundle.must("delete", &[]);
    }
}

/// A file system in memory that is unmounted when it drops.
struct Tmpfs(std::path::PathBuf);

impl Tmpfs {
    fn mount(path: &std::path::Path) -> Self {
        rustix::mount::mount("tmpfs", path, "tmpfs", rustix::mount::MountFlags::empty(), None).unwrap();
        Self(path.to_path_buf())
    }

    fn share(&self) {
        rustix::mount::mount_change(&self.0, rustix::mount::MountPropagationFlags::SHARED).unwrap();
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}
