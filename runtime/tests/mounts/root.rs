//! The container's root: what a hostile one may try, its devices and masks, and nothing of the host.

use super::add;
use crate::common::bundle::Bundle;
use crate::common::{errors, skipped};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

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
            return skipped(test, &errors(&output));
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
