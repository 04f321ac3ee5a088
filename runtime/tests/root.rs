//! The root file system: what may be written, what volumes bring in, and what a hostile folder may try.

mod common;

use common::{Root, refusal, skipped};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn what_it_writes_never_reaches_the_folder() {
    let Some(root) = Root::new("what_it_writes_never_reaches_the_folder") else { return };
    fs::write(root.path().join("file"), "before").unwrap();
    let script = "echo after > /file; touch /new; busybox rm /bin/busybox; echo $(read x < /file; echo $x)";
    assert_eq!(root.script(&[], script), "after\n");
    assert_eq!(fs::read_to_string(root.path().join("file")).unwrap(), "before");
    let mut names: Vec<_> =
        fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["bin", "file"], "not even the folders for /proc, /sys and /dev");
    assert!(root.path().join("bin/busybox").exists());
}

#[test]
fn a_read_only_root_takes_no_writes() {
    let Some(root) = Root::new("a_read_only_root_takes_no_writes") else { return };
    let output = root.run(&["--read-only"], &["touch", "/file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(common::errors(&output).contains("Read-only"), "{}", common::errors(&output));
    root.script(&["--read-only"], "touch /dev/shm/file; echo > /dev/null");
    root.script(&[], "touch /file");
}

#[test]
fn a_root_that_is_no_folder_is_named() {
    let Some(root) = Root::new("a_root_that_is_no_folder_is_named") else { return };
    let run = |path: &Path| {
        Command::new(common::RUNTIME)
            .arg("contain")
            .arg("--rootfs")
            .arg(path)
            .args(["--", "true"])
            .output()
            .unwrap()
    };
    let missing = root.beside("missing");
    assert!(refusal(&run(&missing), 125).contains(missing.to_str().unwrap()));
    let file = root.path().join("bin/busybox");
    let line = refusal(&run(&file), 125);
    assert!(line.contains(file.to_str().unwrap()) && line.contains("not a directory"), "{line}");
}

#[test]
fn a_path_full_of_special_characters_is_only_a_path() {
    let Some(root) = Root::new("a_path_full_of_special_characters_is_only_a_path") else { return };
    let odd = root.beside("a,upperdir=b:c d\\e");
    fs::rename(root.path(), &odd).unwrap();
    let mut command = Command::new(common::RUNTIME);
    let output =
        command.arg("contain").arg("--rootfs").arg(&odd).args(["--", "echo", "hello"]).output().unwrap();
    assert_eq!(common::text(&output), "hello\n", "{}", common::errors(&output));
}

#[test]
fn volumes_are_shared_with_the_host() {
    let Some(root) = Root::new("volumes_are_shared_with_the_host") else { return };
    let folder = root.beside("volume");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "of the host").unwrap();
    let path = folder.to_str().unwrap();

    let writable = format!("{path}:/deep/er/volume");
    assert_eq!(
        root.script(&["--volume", &writable], "cd /deep/er/volume; cat file; echo x > new"),
        "of the host"
    );
    assert_eq!(fs::read_to_string(folder.join("new")).unwrap(), "x\n");

    let read_only = format!("{path}:/volume:ro");
    let output = root.run(&["--volume", &read_only], &["touch", "/volume/other"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(common::errors(&output).contains("Read-only"), "{}", common::errors(&output));
    assert_eq!(root.script(&["--read-only", "--volume", &read_only], "ls /volume"), "file\nnew\n");

    let file = format!("{path}/file:/etc/name:ro");
    assert_eq!(root.script(&["--volume", &file], "cat /etc/name"), "of the host");
    assert!(!root.path().join("etc").exists() && !root.path().join("deep").exists());

    let missing = format!("{path}/missing:/volume");
    let line = refusal(&root.run(&["--volume", &missing], &["true"]), 125);
    assert!(line.contains(&format!("{path}/missing")), "{line}");
}

/// Runs on a root folder whose `name` is a link to `target`, and checks that the host is as it was.
fn with_link(root: &Root, name: &str, target: &str, options: &[&str]) -> Output {
    let link = root.path().join(name);
    symlink(target, &link).unwrap();
    // What others mount meanwhile below the folder for temporary files is theirs.
    let theirs = format!(" {}/", std::env::temp_dir().display());
    let ours = root.path().display().to_string();
    let mounts = || {
        let all = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let kept = all.lines().filter(|line| !line.contains(&theirs) || line.contains(&ours));
        kept.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = mounts();
    let output = root.run(options, &["true"]);
    assert_eq!(mounts(), before);
    fs::remove_file(&link).unwrap();
    output
}

#[test]
fn links_in_the_root_lead_nowhere() {
    let Some(root) = Root::new("links_in_the_root_lead_nowhere") else { return };
    let victim = root.beside("victim");
    fs::create_dir(&victim).unwrap();
    let up = format!("../../../../../../..{}", victim.display());
    for name in ["proc", "sys", "dev"] {
        for target in ["/etc", "../../..", &up, "/proc/self/fd/3"] {
            // Either the link is refused, or it leads to a path inside.
            let output = with_link(&root, name, target, &[]);
            if output.status.code() != Some(0) {
                let line = refusal(&output, 125);
                assert!(line.contains(&format!("/{name}")), "{line}");
            }
        }
    }
    fs::write(root.beside("source"), "").unwrap();
    let volume = format!("{}:/link/made", root.beside("source").display());
    // Inside, the link leads to a path of the same name, which is made there.
    let output = with_link(&root, "link", &up, &["--volume", &volume]);
    assert_ne!(output.status.code(), None);
    for descriptor in 3..16 {
        let target = format!("/proc/self/fd/{descriptor}");
        let output = with_link(&root, "link", &target, &["--volume", &volume]);
        if output.status.code() != Some(0) {
            let line = refusal(&output, 125);
            assert!(line.contains("/link/made"), "{line}");
        }
    }
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0, "nothing was made on the host");
    assert!(!root.path().join("made").exists());
}

#[test]
fn no_volume_covers_proc_by_a_link() {
    let Some(root) = Root::new("no_volume_covers_proc_by_a_link") else { return };
    let folder = root.beside("volume");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("mark"), "").unwrap();
    symlink("/proc", root.path().join("link")).unwrap();
    let volume = format!("{}:/link", folder.display());
    let line = refusal(&root.run(&["--volume", &volume], &["true"]), 125);
    assert!(line.contains("/link"), "{line}");
    // Named plainly it is the caller's wish, or refused as well.
    let output = root.run(&["--volume", &format!("{}:/proc", folder.display())], &["ls", "/proc"]);
    assert!(common::text(&output) == "mark\n" || output.status.code() == Some(125), "{output:?}");
    assert!(Path::new("/proc/self").exists());
}

#[test]
fn without_an_overlay_the_root_is_read_only_and_it_says_so() {
    let test = "without_an_overlay_the_root_is_read_only_and_it_says_so";
    let Some(root) = Root::new(test) else { return };
    for name in ["proc", "sys", "dev"] {
        fs::create_dir(root.path().join(name)).unwrap();
    }
    // The kernel stacks two overlays, not three.
    let script = r#"
        set -e; cd "$1"; mkdir t; mount -t tmpfs t t; cd t; mkdir u1 w1 m1 u2 w2 m2
        mount -t overlay o -o lowerdir=../root,upperdir=u1,workdir=w1 m1
        mount -t overlay o -o lowerdir=m1,upperdir=u2,workdir=w2 m2
        echo stacked >&2
        "$0" contain --rootfs m2 -- sh -c 'echo ran; touch /file'"#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, common::RUNTIME]).arg(root.beside(""));
    let Ok(output) = command.output() else { return skipped(test, "needs unshare (util-linux)") };
    let errors = common::errors(&output);
    let Some((_, said)) = errors.split_once("stacked\n") else { return skipped(test, &errors) };
    assert_eq!(common::text(&output), "ran\n", "{errors}");
    assert_eq!(said.matches("/m2 (").count(), 1, "{errors}");
    assert!(said.contains("Read-only file system"), "{errors}");
}
