//! Mounts, as a container sees them: every option, both ways; propagation, both ways; owners; what a hostile root may try.

mod common;

use common::bundle::Bundle;
use common::skipped;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

/// Adds a mount to the configuration.
fn add(bundle: &mut Bundle, kind: &str, source: &Path, destination: &str, options: &[&str]) {
    let entry = json!({ "destination": destination, "type": kind, "source": source, "options": options });
    bundle.config["mounts"].as_array_mut().unwrap().push(entry);
}

/// The container may mount.
fn allow_mounts(bundle: &mut Bundle) {
    for set in ["bounding", "effective", "permitted"] {
        bundle.config["process"]["capabilities"][set].as_array_mut().unwrap().push(json!("CAP_SYS_ADMIN"));
    }
}

/// Gives this test's thread, and the runtimes that it starts, mounts of their own.
fn own_mounts(test: &str) -> bool {
    let own = unshare(CloneFlags::CLONE_NEWNS).and_then(|()| {
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
    });
    if let Err(error) = own {
        skipped(test, &format!("needs a mount namespace: {error}"));
    }
    own.is_ok()
}

fn tmpfs(place: &Path) {
    mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
}

fn set(place: &Path, flags: MsFlags) {
    mount(None::<&str>, place, None::<&str>, flags, None::<&str>).unwrap();
}

/// The options of the mount at `place` and those of its file system, from `mountinfo`.
fn options_of(info: &str, place: &str) -> (Vec<String>, Vec<String>) {
    let line = info.lines().rev().find(|line| line.split(' ').nth(4) == Some(place));
    let line = line.unwrap_or_else(|| panic!("nothing is mounted at {place}:\n{info}"));
    let list = |words: &str| words.split(',').map(str::to_owned).collect();
    let of_mount = list(line.split(' ').nth(5).unwrap());
    (of_mount, list(line.rsplit(' ').next().unwrap()))
}

const INFO: &str = "cat /proc/self/mountinfo";

#[test]
fn options_of_a_mount_show_and_their_opposites_do_not() {
    let test = "options_of_a_mount_show_and_their_opposites_do_not";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let folder = bundle.beside("folder");
    fs::create_dir(&folder).unwrap();
    let pairs = [
        ("ro", "rw", "ro"),
        ("nosuid", "suid", "nosuid"),
        ("nodev", "dev", "nodev"),
        ("noexec", "exec", "noexec"),
        ("noatime", "atime", "noatime"),
        ("nodiratime", "diratime", "nodiratime"),
        ("relatime", "strictatime", "relatime"),
        ("nosymfollow", "symfollow", "nosymfollow"),
    ];
    for (index, (on, off, _)) in pairs.iter().enumerate() {
        for (kind, source, bind) in [("tmpfs", Path::new("tmpfs"), "defaults"), ("none", &*folder, "bind")] {
            add(&mut bundle, kind, source, &format!("/{kind}-on-{index}"), &[bind, off, on]);
            add(&mut bundle, kind, source, &format!("/{kind}-off-{index}"), &[bind, on, off]);
        }
    }
    let info = bundle.says(INFO);
    for (index, (on, off, shown)) in pairs.iter().enumerate() {
        for kind in ["tmpfs", "none"] {
            let shows = |way: &str| {
                options_of(&info, &format!("/{kind}-{way}-{index}")).0.contains(&shown.to_string())
            };
            assert!(shows("on"), "{kind}: {on} does not show\n{info}");
            assert!(!shows("off"), "{kind}: {off} does not take {on} away\n{info}");
        }
    }
}

#[test]
fn options_of_a_file_system_reach_it() {
    let test = "options_of_a_file_system_reach_it";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let source = Path::new("tmpfs");
    add(
        &mut bundle,
        "tmpfs",
        source,
        "/a",
        &["sync", "dirsync", "lazytime", "silent", "size=64k", "mode=751"],
    );
    add(
        &mut bundle,
        "tmpfs",
        source,
        "/b",
        &["sync", "async", "loud", "nomand", "norelatime", "nostrictatime"],
    );
    let info = bundle.says(INFO);
    let (_, a) = options_of(&info, "/a");
    for word in ["sync", "dirsync", "lazytime", "size=64k", "mode=751"] {
        assert!(a.iter().any(|shown| shown == word), "{word}: {a:?}");
    }
    assert!(!options_of(&info, "/b").1.iter().any(|shown| shown == "sync"), "{info}");
}

#[test]
fn recursive_options_reach_all_mounts_below() {
    let test = "recursive_options_reach_all_mounts_below";
    let Some(mut bundle) = Bundle::new(test) else { return };
    if !own_mounts(test) {
        return;
    }
    let outer = bundle.beside("outer");
    fs::create_dir_all(outer.join("inner")).unwrap();
    tmpfs(&outer);
    fs::create_dir(outer.join("inner")).unwrap();
    tmpfs(&outer.join("inner"));
    let words = [
        ("rro", "ro"),
        ("rnosuid", "nosuid"),
        ("rnodev", "nodev"),
        ("rnoexec", "noexec"),
        ("rnodiratime", "nodiratime"),
        ("rnoatime", "noatime"),
        ("rnosymfollow", "nosymfollow"),
    ];
    for (word, _) in words {
        add(&mut bundle, "none", &outer, &format!("/{word}"), &["rbind", word]);
    }
    add(&mut bundle, "none", &outer, "/strict", &["rbind", "rstrictatime"]);
    add(&mut bundle, "none", &outer, "/one", &["rbind", "ro", "noexec"]);
    let undo = ["rrw", "rsuid", "rdev", "rexec", "rdiratime", "ratime", "rrelatime", "rsymfollow"];
    let both =
        [&["rbind", "rro", "rnosuid", "rnodev", "rnoexec", "rnodiratime", "rnoatime"][..], &undo].concat();
    add(&mut bundle, "none", &outer, "/undone", &both);
    let info = bundle.says(INFO);
    for (word, shown) in words {
        for place in [format!("/{word}"), format!("/{word}/inner")] {
            assert!(options_of(&info, &place).0.contains(&shown.to_owned()), "{place}: {info}");
        }
    }
    for place in ["/strict", "/strict/inner"] {
        assert_eq!(options_of(&info, place).0, ["rw"], "{info}");
    }
    for place in ["/undone", "/undone/inner"] {
        assert_eq!(options_of(&info, place).0, ["rw", "relatime"], "{info}");
    }
    assert!(options_of(&info, "/one").0.contains(&"ro".to_owned()));
    assert!(!options_of(&info, "/one/inner").0.contains(&"ro".to_owned()), "ro is for one mount: {info}");
}

#[test]
fn what_cannot_be_mounted_is_named() {
    let test = "what_cannot_be_mounted_is_named";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let folder = bundle.beside("folder");
    fs::create_dir(&folder).unwrap();
    let mounts = bundle.config["mounts"].clone();
    let missing = bundle.beside("missing");
    let cases: [(&str, &Path, &str, &[&str], &str); 9] = [
        ("tmpfs", Path::new("x"), "/x", &["nosuid", "mode=755", "colour=red"], "colour=red"),
        ("tmpfs", Path::new("x"), "/x", &["size=much"], "size=much"),
        ("nosuchfs", Path::new("x"), "/x", &[], "nosuchfs"),
        ("none", &folder, "/x", &["rbind", "sync"], "sync"),
        ("none", &folder, "/x", &["rbind", "coloured"], "coloured"),
        ("none", &folder, "/", &["rbind"], "root.path"),
        ("none", &folder, "/proc/sys/kernel", &["rbind"], "/proc"),
        ("tmpfs", Path::new("x"), "/proc", &[], "procfs"),
        ("none", &missing, "/x", &["rbind"], "missing"),
    ];
    for (kind, source, destination, options, named) in cases {
        bundle.config["mounts"] = mounts.clone();
        add(&mut bundle, kind, source, destination, options);
        let line = bundle.refuses((kind, destination, options));
        assert!(line.contains(named) && line.contains(destination), "{named}: {line}");
    }
    bundle.config["mounts"] = mounts;
    bundle.config["linux"]["rootfsPropagation"] = json!("sideways");
    assert!(bundle.refuses("sideways").contains("linux.rootfsPropagation"));
}

#[test]
fn sources_and_destinations_are_folders_or_files() {
    let test = "sources_and_destinations_are_folders_or_files";
    let Some(mut bundle) = Bundle::new(test) else { return };
    fs::create_dir(bundle.beside("folder")).unwrap();
    fs::write(bundle.beside("folder/file"), "of the bundle\n").unwrap();
    // Relative sources begin in the bundle, relative destinations at the root.
    add(&mut bundle, "bind", Path::new("folder"), "made/folder/here", &["rbind"]);
    add(&mut bundle, "none", Path::new("folder/file"), "/made/file", &["bind", "ro"]);
    add(&mut bundle, "none", Path::new("folder/file"), "/made/../made/./second", &["bind"]);
    let said = bundle.says(
        "cat /made/folder/here/file /made/file /made/second; (echo x > /made/file) 2> /dev/null || echo no",
    );
    assert_eq!(said, "of the bundle\nof the bundle\nof the bundle\nno\n");
}

#[test]
fn a_file_system_that_is_read_only_is_filled_first() {
    let test = "a_file_system_that_is_read_only_is_filled_first";
    let Some(mut bundle) = Bundle::new(test) else { return };
    fs::create_dir(bundle.inside("tmp")).unwrap();
    fs::set_permissions(bundle.inside("tmp"), fs::Permissions::from_mode(0o1770)).unwrap();
    let source = Path::new("tmpfs");
    add(&mut bundle, "tmpfs", source, "/tmp", &["ro"]);
    add(&mut bundle, "tmpfs", source, "/tmp/inner", &[]);
    add(&mut bundle, "tmpfs", source, "/again", &[]);
    add(&mut bundle, "tmpfs", source, "/again", &["remount", "ro", "size=32k"]);
    let said = bundle.says("stat -c %a /tmp; touch /tmp/inner/x; touch /tmp/x 2> /dev/null || echo no; touch /again/x 2> /dev/null || echo no");
    assert_eq!(said, "1770\nno\nno\n");
}

#[test]
fn tmpcopyup_copies_and_follows_nothing() {
    let test = "tmpcopyup_copies_and_follows_nothing";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let data = bundle.inside("data");
    fs::create_dir_all(data.join("deep/er")).unwrap();
    fs::write(data.join("deep/er/file"), "content\n").unwrap();
    fs::set_permissions(data.join("deep/er/file"), fs::Permissions::from_mode(0o4751)).unwrap();
    chown(data.join("deep"), Some(7), Some(8)).unwrap();
    fs::set_permissions(data.join("deep"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/etc/shadow", data.join("link")).unwrap();
    add(&mut bundle, "tmpfs", Path::new("tmpfs"), "/data", &["tmpcopyup", "size=1m"]);
    let said = bundle.says(
        "cd /data; cat deep/er/file; stat -c '%a %u:%g' deep/er/file deep; readlink link; echo after > link2; test -u deep/er/file && echo set",
    );
    assert_eq!(said, "content\n4751 0:0\n755 7:8\n/etc/shadow\nset\n");
    assert!(!data.join("link2").exists(), "what it writes stays in the tmpfs");
    bundle.config["mounts"].as_array_mut().unwrap().pop();
    fs::write(data.join("large"), vec![0; 1 << 20]).unwrap();
    add(&mut bundle, "tmpfs", Path::new("tmpfs"), "/data", &["tmpcopyup", "size=16k"]);
    assert!(bundle.refuses("too small for the copy").contains("tmpcopyup"));
}

#[test]
fn owners_are_mapped() {
    let test = "owners_are_mapped";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let folder = bundle.beside("folder");
    fs::create_dir(&folder).unwrap();
    for (name, owner) in [("zero", 0), ("five", 5)] {
        fs::write(folder.join(name), "").unwrap();
        chown(folder.join(name), Some(owner), Some(owner)).unwrap();
    }
    add(&mut bundle, "none", &folder, "/plain", &["bind"]);
    add(&mut bundle, "none", &folder, "/mapped", &["bind", "idmap"]);
    let maps = json!([{ "containerID": 0, "hostID": 1000, "size": 10 }]);
    let last = bundle.config["mounts"].as_array_mut().unwrap().last_mut().unwrap();
    last["uidMappings"] = maps.clone();
    last["gidMappings"] = maps;
    let output = bundle.create_with(&[]);
    if common::errors(&output).contains("mapping the owners") {
        return skipped(test, &common::errors(&output));
    }
    bundle.must("delete", &["--force"]);
    let said = bundle.says("stat -c '%u:%g' /plain/zero /plain/five /mapped/zero /mapped/five");
    assert_eq!(said, "0:0\n5:5\n1000:1000\n1005:1005\n");

    let last = bundle.config["mounts"].as_array_mut().unwrap().last_mut().unwrap();
    last["uidMappings"] = Value::Null;
    last["gidMappings"] = Value::Null;
    assert!(bundle.refuses("no mapping at all").contains("user namespace"));
}

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
fn a_hostile_root_leads_nowhere() {
    let test = "a_hostile_root_leads_nowhere";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let outside = bundle.beside("outside");
    fs::create_dir(&outside).unwrap();
    let folder = bundle.beside("folder");
    fs::create_dir(&folder).unwrap();
    let mounts = bundle.config["mounts"].clone();

    for name in ["proc", "dev", "sys"] {
        symlink(&outside, bundle.inside(name)).unwrap();
        assert!(bundle.refuses(name).contains("symbolic link"), "/{name} is a link");
        fs::remove_file(bundle.inside(name)).unwrap();
    }
    symlink("/proc/sys", bundle.inside("to-proc")).unwrap();
    symlink("loop", bundle.inside("loop")).unwrap();
    symlink("../..", bundle.inside("to-root")).unwrap();
    for destination in ["/to-proc", "/to-proc/kernel", "/loop/x", "/to-root"] {
        bundle.config["mounts"] = mounts.clone();
        add(&mut bundle, "none", &folder, destination, &["bind"]);
        assert!(bundle.refuses(destination).contains(destination));
    }
    // Links that point out of the root stay in it.
    bundle.config["mounts"] = mounts;
    symlink(&outside, bundle.inside("out")).unwrap();
    add(&mut bundle, "tmpfs", Path::new("x"), "/out/side", &[]);
    symlink("../../../../../../etc", bundle.inside("conf")).unwrap();
    symlink("../run/nowhere/resolv.conf", bundle.inside("dangling")).unwrap();
    fs::write(bundle.beside("file"), "bound\n").unwrap();
    add(&mut bundle, "none", Path::new("file"), "/dangling", &["bind"]);
    add(&mut bundle, "tmpfs", Path::new("x"), "/conf/made/by/mount", &[]);
    let said = bundle.says("cat /run/nowhere/resolv.conf; test -c /dev/null && echo device");
    assert_eq!(said, "bound\ndevice\n");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "nothing is made outside");
    assert!(!Path::new("/etc/made").exists());
}

#[test]
fn devices_are_as_configured() {
    let test = "devices_are_as_configured";
    let Some(mut bundle) = Bundle::new(test) else { return };
    bundle.config["linux"]["devices"] = json!([
        { "path": "/dev/net/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 5, "gid": 6 },
        { "path": "/dev/pipe", "type": "p" , "major": 0, "minor": 0 },
        { "path": "/dev/zero", "type": "u", "major": 1, "minor": 5, "fileMode": 0o600 },
        { "path": "/nodes/full", "type": "c", "major": 1, "minor": 7 },
    ]);
    let said = bundle.says(
        "stat -c '%F %a %u:%g %t:%T' /dev/net/mine /dev/pipe /dev/zero /nodes/full /dev/null; \
         for link in fd stdin stdout stderr ptmx; do readlink /dev/$link; done",
    );
    let expected = "character special file 640 5:6 1:3\nfifo 666 0:0 0:0\ncharacter special file 600 0:0 1:5\n\
         character special file 666 0:0 1:7\ncharacter special file 666 0:0 1:3\n\
         /proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n";
    assert_eq!(said, expected);

    fs::create_dir_all(bundle.inside("nodes")).unwrap();
    let _ = fs::remove_file(bundle.inside("nodes/full"));
    fs::write(bundle.inside("nodes/full"), "").unwrap();
    assert!(bundle.refuses("another file in its place").contains("/nodes/full"));

    // A /dev of somebody else's is left alone.
    bundle.config["linux"]["devices"] = json!([]);
    fs::create_dir(bundle.beside("dev")).unwrap();
    bundle.config["mounts"] = json!([
        { "destination": "/proc", "type": "proc", "source": "proc" },
        { "destination": "/dev", "type": "none", "source": "dev", "options": ["rbind"] },
    ]);
    assert_eq!(bundle.says("ls /dev"), "");
    assert_eq!(fs::read_dir(bundle.beside("dev")).unwrap().count(), 0);
}

#[test]
fn masked_and_read_only_paths() {
    let test = "masked_and_read_only_paths";
    let Some(mut bundle) = Bundle::new(test) else { return };
    fs::create_dir_all(bundle.inside("secret/folder")).unwrap();
    fs::create_dir_all(bundle.inside("fixed")).unwrap();
    fs::write(bundle.inside("secret/folder/file"), "secret").unwrap();
    fs::write(bundle.inside("file"), "secret").unwrap();
    symlink("/secret", bundle.inside("alias")).unwrap();
    bundle.config["linux"]["maskedPaths"] =
        json!(["/alias/folder", "/file", "/missing", "/proc/version", "/proc/self/environ", "/sys/kernel"]);
    bundle.config["linux"]["readonlyPaths"] = json!(["/fixed", "/proc/sys", "/missing", "/proc/missing"]);
    let said = bundle.says(
        "cat /file /proc/version; ls /secret/folder /sys/kernel; \
         touch /fixed/x 2> /dev/null || echo no; touch /secret/folder/x 2> /dev/null || echo no; \
         (echo x > /proc/sys/kernel/hostname) 2> /dev/null || echo no; touch /x && echo yes",
    );
    let said = said.lines().filter(|line| !line.is_empty() && !line.ends_with(':')).collect::<Vec<_>>();
    assert_eq!(said, ["no", "no", "no", "yes"]);
    bundle.config["linux"]["maskedPaths"] = json!(["proc/kcore"]);
    assert!(bundle.refuses("a relative path").contains("linux.maskedPaths"));
}

#[test]
fn nothing_of_the_host_stays_in_view() {
    let test = "nothing_of_the_host_stays_in_view";
    let Some(mut bundle) = Bundle::new(test) else { return };
    bundle.config["root"]["readonly"] = json!(true);
    let script = "cat /proc/self/mountinfo; ls /..; touch /x";
    let mut infos = Vec::new();
    for option in [&[][..], &["--no-pivot"]] {
        bundle.set_script(script);
        let output = bundle.create_with(option);
        if !output.status.success() && option == ["--no-pivot"] {
            return skipped(test, &common::errors(&output));
        }
        bundle.must("start", &[]);
        bundle.wait();
        let complaints = fs::read_to_string(bundle.beside("err")).unwrap();
        assert!(complaints.contains("Read-only file system"), "{complaints}");
        bundle.must("delete", &[]);
        infos.push(bundle.printed());
    }
    assert!(infos[0].contains(" / / ro") || infos[0].contains("/root / ro"), "{}", infos[0]);
    let host = fs::canonicalize(bundle.path()).unwrap();
    for info in &infos {
        // `ls /..` shows the container's own root.
        assert!(info.lines().any(|line| line == "bin"), "{info}");
        assert!(!info.lines().any(|line| line == "etc" || line == "home"), "{info}");
        let below = info
            .lines()
            .filter(|line| line.split(' ').nth(4).is_some_and(|place| Path::new(place).starts_with(&host)));
        assert_eq!(below.count(), 0, "{info}");
    }
}

#[test]
fn a_root_folder_may_be_a_link_and_absolute() {
    let test = "a_root_folder_may_be_a_link_and_absolute";
    let Some(mut bundle) = Bundle::new(test) else { return };
    symlink("root", bundle.beside("link")).unwrap();
    for path in [json!("link"), json!(bundle.beside("link")), json!(bundle.inside(""))] {
        bundle.config["root"] = json!({ "path": path });
        assert_eq!(bundle.says("test -e /bin/busybox && echo there"), "there\n");
    }
    fs::write(bundle.beside("file"), "").unwrap();
    for path in ["file", "missing"] {
        bundle.config["root"] = json!({ "path": path });
        let line = bundle.refuses(path);
        assert!(line.contains("root folder") && line.contains(path), "{line}");
    }
}

#[test]
fn groups_are_the_containers_own() {
    let test = "groups_are_the_containers_own";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let script = "for folder in /sys/fs/cgroup /sys/fs/cgroup/*; do \
         test -e $folder/cgroup.procs && cat $folder/cgroup.procs; done; \
         for folder in /sys/fs/cgroup /sys/fs/cgroup/pids; do mkdir $folder/x 2> /dev/null && echo made; done; true";
    bundle.config["linux"]["resources"]["pids"] = json!({ "limit": 20 });
    let said = bundle.says(script);
    assert!(said.contains("1\n"), "PID 1 is in none of the groups in view: {said:?}");
    assert!(!said.contains("made"), "they are read-only");

    let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|each| each["type"] != "cgroup");
    let said = bundle.says(script);
    assert!(said.contains("1\n"), "without a namespace, PID 1 is in none of the groups in view: {said:?}");
    assert!(!said.contains("made"), "they are read-only");
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

#[test]
fn a_user_namespace_gets_what_only_the_host_can_open() {
    let test = "a_user_namespace_gets_what_only_the_host_can_open";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let maps = json!([{ "containerID": 0, "hostID": 100_000, "size": 65_536 }]);
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({ "type": "user" }));
    bundle.config["linux"]["uidMappings"] = maps.clone();
    bundle.config["linux"]["gidMappings"] = maps;
    // The container's root may not look in here.
    fs::create_dir_all(bundle.beside("closed/volume")).unwrap();
    fs::set_permissions(bundle.beside("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(bundle.beside("closed/volume/file"), "opened outside\n").unwrap();
    for name in ["proc", "sys", "dev", "volume"] {
        fs::create_dir(bundle.inside(name)).unwrap();
    }
    chown(bundle.inside(""), Some(100_000), Some(100_000)).unwrap();
    add(&mut bundle, "none", Path::new("closed/volume"), "/volume", &["rbind", "ro"]);
    let said = bundle.says(
        "cat /volume/file; stat -c '%F %t:%T' /dev/null; echo x > /dev/null && echo written; \
         touch /volume/x 2> /dev/null || echo no; test -e /sys/kernel && echo sys",
    );
    assert_eq!(said, "opened outside\ncharacter special file 1:3\nwritten\nno\nsys\n");
    assert_eq!(fs::metadata(bundle.beside("closed/volume")).unwrap().uid(), 0);
}
