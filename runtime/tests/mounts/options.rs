//! Options of mounts and of file systems, both ways; sources and destinations that fit, and such as do not.

use super::{INFO, add, options_of, tmpfs};
use crate::common::bundle::Bundle;
use crate::common::own_mounts;
use serde_json::json;
use std::fs;
use std::path::Path;

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
