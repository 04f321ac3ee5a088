//! The container of an ordinary user.

mod common;

use common::{Root, refusal, skipped};
use isolab_runtime::cgroup::{Hierarchy, Mode};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const NOBODY: &str = "65534";

/// A root folder and a copy of the runtime that everybody can reach; `None` where users get no namespaces.
fn prepare(test: &str) -> Option<Root> {
    let root = Root::new(test)?;
    let program = root.beside("isolab-runtime");
    common::copy_program(common::RUNTIME, &program);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    match as_nobody(&["unshare", "--user", "true"]) {
        Ok(output) if output.status.success() => Some(root),
        Ok(output) => {
            skipped(test, &common::errors(&output));
            None
        }
        Err(error) => {
            skipped(test, &format!("needs setpriv (util-linux): {error}"));
            None
        }
    }
}

fn as_nobody(words: &[&str]) -> std::io::Result<Output> {
    let identity = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"];
    Command::new("setpriv").args(identity).args(words).current_dir("/").output()
}

fn run(root: &Root, options: &[&str], script: &str) -> Output {
    let (program, path) = (root.beside("isolab-runtime"), root.path());
    let mut words = vec![program.to_str().unwrap(), "contain", "--rootfs", path.to_str().unwrap()];
    words.extend(options);
    words.extend(["--", "sh", "-c", script]);
    as_nobody(&words).unwrap()
}

#[test]
fn a_user_is_root_inside_and_nobody_outside() {
    let Some(root) = prepare("a_user_is_root_inside_and_nobody_outside") else { return };
    let folder = root.beside("volume");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let volume = format!("{}:/volume", folder.display());
    let script = "id -u; echo $$; hostname; touch /volume/file; echo x > /written; cat /written; \
        ip -o link | grep -c LOOPBACK,UP";
    let output = run(&root, &["--volume", &volume], script);
    assert_eq!(common::text(&output), "0\n1\nisolab\nx\n1\n", "{}", common::errors(&output));
    assert_eq!(common::errors(&output), "");
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(folder.join("file")).unwrap());
    assert_eq!(owner.to_string(), NOBODY);
    assert!(!root.path().join("written").exists());
}

#[test]
fn a_users_container_has_devices_and_masks() {
    let Some(root) = prepare("a_users_container_has_devices_and_masks") else { return };
    let script = "head -c 4 /dev/urandom | wc -c; echo x > /dev/null; test -c /dev/full; \
        cat /proc/timer_list /proc/keys; ls -A /sys/firmware; echo 1 > /proc/sys/vm/drop_caches";
    let output = run(&root, &[], script);
    assert_eq!(common::text(&output), "4\n");
    assert_eq!(common::errors(&output).lines().count(), 1, "{}", common::errors(&output));
    assert!(common::errors(&output).contains("Read-only"), "{}", common::errors(&output));
}

#[test]
fn a_users_clock_may_be_ahead() {
    let Some(root) = prepare("a_users_clock_may_be_ahead") else { return };
    if fs::metadata("/proc/self/ns/time").is_err() {
        return skipped("a_users_clock_may_be_ahead", "this kernel has no time namespaces");
    }
    let output = run(&root, &["--boot-offset", "1000000000"], "cat /proc/uptime");
    if common::errors(&output).contains("before Linux 6.3") {
        assert_eq!(output.status.code(), Some(126));
        return skipped("a_users_clock_may_be_ahead", &common::errors(&output));
    }
    assert!(common::text(&output).starts_with("1000"), "{}", common::errors(&output));
}

/// A cgroup that belongs to nobody, with one below it for a process of his: what a host's manager delegates.
fn delegate(mount: &Path) -> PathBuf {
    let group = mount.join(format!("delegated-{}", std::process::id()));
    let session = group.join("session");
    fs::write(mount.join("cgroup.subtree_control"), "+memory +cpu +pids").unwrap();
    fs::create_dir_all(&session).unwrap();
    let nobody = Some(NOBODY.parse().unwrap());
    for folder in [&group, &session] {
        for path in [folder.clone(), folder.join("cgroup.procs"), folder.join("cgroup.subtree_control")] {
            chown(path, nobody, nobody).unwrap();
        }
    }
    group
}

#[test]
fn a_user_with_delegated_groups_gets_limits() {
    let test = "a_user_with_delegated_groups_gets_limits";
    let Some(root) = prepare(test) else { return };
    if Hierarchy::detect().unwrap().mode() != Mode::V2 {
        return skipped(test, "needs a host with cgroup v2 only");
    }
    let group = delegate(Path::new("/sys/fs/cgroup"));
    let run = |script: &str| {
        let enter = r#"echo $$ > "$0/session/cgroup.procs"; program=$1; path=$2; script=$3
            exec setpriv --reuid 65534 --regid 65534 --clear-groups -- \
                "$program" contain --rootfs "$path" --memory 16m --cpus 1 --pids 9 -- sh -c "$script""#;
        let mut command = Command::new("sh");
        command
            .args(["-c", enter])
            .arg(&group)
            .arg(root.beside("isolab-runtime"))
            .arg(root.path())
            .arg(script);
        command.current_dir("/").output().unwrap()
    };
    let inside = run("cat /proc/self/cgroup");
    let outside = run("exec dd if=/dev/zero of=/file bs=1M count=64");
    fs::remove_dir(group.join("session")).unwrap();
    let left: Vec<_> =
        fs::read_dir(group.join("isolab")).unwrap().flatten().map(|entry| entry.path()).collect();
    let _ = fs::remove_dir(group.join("isolab"));
    let _ = fs::remove_dir(&group);
    assert_eq!(common::text(&inside), "0::/\n", "{}", common::errors(&inside));
    assert_eq!(outside.status.code(), Some(137), "{}", common::errors(&outside));
    assert!(left.iter().all(|path| !path.is_dir()), "{left:?}");
}

#[test]
fn a_user_without_delegated_groups_is_told_so() {
    let Some(root) = prepare("a_user_without_delegated_groups_is_told_so") else { return };
    for (option, value) in [("--memory", "64m"), ("--cpus", "1"), ("--pids", "9")] {
        let line = refusal(&run(&root, &[option, value], "true"), 126);
        assert!(line.contains(option) && line.contains("cgroup") && line.contains("run as root"), "{line}");
    }
    assert_eq!(run(&root, &[], "true").status.code(), Some(0));
}
