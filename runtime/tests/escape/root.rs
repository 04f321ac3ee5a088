//! Root folders that lie: links in the place of folders, and folders that become links while the runtime looks.

use crate::common::{Root, bundle::Bundle, errors, full_tier};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// A folder of the host's in which nothing may appear.
fn untouched(folder: &Path) {
    let found: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(found.is_empty(), "the runtime has followed a link to the host: {found:?}");
}

/// CVE-2019-19921, CVE-2023-27561: where `/proc` is a link, what is masked lies elsewhere.
#[test]
fn links_in_the_place_of_folders_do_not_lead_out() {
    let test = "links_in_the_place_of_folders_do_not_lead_out";
    for name in ["proc", "sys", "dev", "dev/shm", "dev/pts", "sys/fs"] {
        let Some(bundle) = Bundle::script(test, "grep -c outside /proc/self/mountinfo; test ! -e /file")
        else {
            return;
        };
        let outside = bundle.beside("outside");
        fs::create_dir(&outside).unwrap();
        let climbing = format!("../../../../../../../../..{}", outside.display());
        for target in [outside.to_str().unwrap(), "/", "..", &climbing, name] {
            let link = bundle.inside(name);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(target, &link).unwrap();
            let created = bundle.create_with(&[]);
            if created.status.success() {
                bundle.must("start", &[]);
                bundle.wait();
                bundle.must("delete", &[]);
            } else {
                assert_eq!(errors(&created).lines().count(), 1, "{}", errors(&created));
            }
            untouched(&outside);
            let _ = fs::remove_file(&link);
            for made in ["dev", "sys", "proc", "tmp"].map(|made| bundle.inside(made)) {
                let _ = fs::remove_dir_all(made);
            }
        }
    }
}

#[test]
fn proc_that_is_a_link_is_refused() {
    let test = "proc_that_is_a_link_is_refused";
    let Some(bundle) = Bundle::new(test) else { return };
    for name in ["proc", "sys"] {
        fs::create_dir(bundle.inside("elsewhere")).unwrap();
        symlink("elsewhere", bundle.inside(name)).unwrap();
        assert!(!bundle.create_with(&[]).status.success(), "/{name} is a link, and all its masks with it");
        fs::remove_file(bundle.inside(name)).unwrap();
        fs::remove_dir_all(bundle.inside("elsewhere")).unwrap();
    }
}

/// CVE-2019-16884 and its kind: volumes, masks and devices on paths with links in them.
#[test]
fn targets_by_way_of_links_end_inside() {
    let test = "targets_by_way_of_links_end_inside";
    let Some(root) = Root::new(test) else { return };
    let (outside, volume) = (root.beside("outside"), root.beside("volume"));
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&volume).unwrap();
    fs::write(volume.join("file"), "volume").unwrap();
    for target in [outside.display().to_string(), format!("../../../../../../..{}", outside.display())] {
        let link = root.path().join("link");
        symlink(&target, &link).unwrap();
        for path in ["/link", "/link/below", "/link/below/../again", "/bin/../link/x"] {
            let option = format!("{}:{path}", volume.display());
            root.run(&["--volume", &option], &["true"]);
            untouched(&outside);
        }
        fs::remove_file(link).unwrap();
    }
    // Where the link leads to a place of the container's own, the volume is there.
    fs::create_dir(root.path().join("real")).unwrap();
    symlink("/real", root.path().join("link")).unwrap();
    let option = format!("{}:/link", volume.display());
    assert_eq!(root.script(&["--volume", &option], "cat /real/file"), "volume");
}

#[test]
fn files_of_the_configuration_by_way_of_links_end_inside() {
    let test = "files_of_the_configuration_by_way_of_links_end_inside";
    let Some(mut bundle) = Bundle::script(test, "true") else { return };
    let outside = bundle.beside("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, bundle.inside("link")).unwrap();
    // One that must stay readable: a mask on it would show on the host.
    let file = bundle.beside("file-of-the-host");
    fs::write(&file, "text").unwrap();
    symlink(&file, bundle.inside("masked")).unwrap();
    bundle.config["process"]["cwd"] = json!("/link/folder");
    bundle.config["linux"]["maskedPaths"] = json!(["/masked", "/link"]);
    bundle.config["linux"]["readonlyPaths"] = json!(["/masked", "/link"]);
    bundle.config["linux"]["devices"] =
        json!([{ "path": "/link/device", "type": "c", "major": 1, "minor": 3, "fileMode": 438 }]);
    let _ = bundle.create_with(&[]);
    untouched(&outside);
    assert_eq!(fs::read_to_string(&file).unwrap(), "text");
}

/// CVE-2021-30465: the target of a mount is a folder when it is looked at, and a link when it is mounted on.
#[test]
fn a_target_that_becomes_a_link_does_not_lead_out() {
    let test = "a_target_that_becomes_a_link_does_not_lead_out";
    let Some(root) = Root::new(test) else { return };
    let (outside, volume) = (root.beside("outside"), root.beside("volume"));
    for folder in [&outside, &volume] {
        fs::create_dir(folder).unwrap();
    }
    let (target, link) = (root.path().join("target"), root.path().join("link"));
    fs::create_dir(&target).unwrap();
    symlink(&outside, &link).unwrap();
    let stop = AtomicBool::new(false);
    let mut exchanges = 0_u64;
    std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut exchanges = 0;
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &target, CWD, &link, RenameFlags::EXCHANGE).unwrap();
                exchanges += 1;
            }
            exchanges
        });
        let option = format!("{}:/target/below", volume.display());
        let outcomes: Vec<_> = (0..if full_tier() { 500 } else { 40 })
            .map(|_| root.run(&["--volume", &option], &["sh", "-c", "touch /target/below/file"]))
            .collect();
        stop.store(true, Ordering::Relaxed);
        exchanges = swapper.join().unwrap();
        untouched(&outside);
        for output in outcomes {
            assert!(output.status.success() || errors(&output).lines().count() == 1, "{}", errors(&output));
        }
    });
    assert!(exchanges > 1000, "the folder was exchanged often enough to be met: {exchanges}");
    let host = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!host.contains(outside.to_str().unwrap()), "{host}");
}
