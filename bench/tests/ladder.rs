//! `isolab ladder` end to end, and that each rung is what it says: on where it is asked for, and not one rung before.

mod common;

use common::{LAB, accepted, interrupted, lab, text};
use isolab::ground::Ground;
use isolab::host::clock::is_emulated;
use isolab::ladder::figures::Steps;
use isolab::ladder::{Rung, Wall, below, words};
use isolab::programs::Programs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The rungs of the container's floor, in order, without those that stand aside.
fn rungs() -> Vec<Rung> {
    let of_floor =
        |rung: &Rung| rung.wall() == Some(Wall::Container) && rung.stack().is_none() && !rung.is_aside();
    Rung::ALL.into_iter().filter(of_floor).collect()
}

/// What a shell prints on this rung, of this script.
fn shell(rung: Rung, ground: &Ground, script: &str) -> String {
    let all = rungs();
    let below = below(rung, &all);
    let words = words::words(rung, &below, ground).unwrap();
    let rooted = below.contains(&Rung::Overlay) || rung == Rung::Overlay;
    let busybox = if rooted { "/busybox" } else { "/bin/busybox" };
    let mut command = Command::new(&ground.programs.container_floor);
    command.arg(ground.rootfs()).args(words).args(["--", busybox, "sh", "-c", script, busybox]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    text(&output.stdout).trim().to_owned()
}

#[test]
fn each_rung_is_on_where_it_is_asked_for_and_not_one_before() {
    let name = "each_rung_is_on_where_it_is_asked_for_and_not_one_before";
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: {name}: joining a cgroup needs root here; run as root");
    }
    if !Path::new("/bin/busybox").exists() {
        return eprintln!("skipped: {name}: no /bin/busybox; install busybox-static");
    }
    let ground = Ground::lay(Programs::find().unwrap(), 128, None).unwrap();
    if let Some(why) = &ground.without_limits {
        return eprintln!("skipped: {name}: {why}; see isolab doctor");
    }
    std::fs::copy("/bin/busybox", ground.rootfs().join("busybox")).unwrap();
    // What of the host's must have changed, in words of a shell. `$0` is busybox.
    let namespace = |kind: &str| format!("$0 readlink /proc/self/ns/{kind}");
    let checks: Vec<(Rung, String)> = vec![
        (Rung::User, namespace("user")),
        (Rung::Pid, "echo $$ | $0 grep -x 1".into()),
        (Rung::Mount, namespace("mnt")),
        (Rung::Ipc, namespace("ipc")),
        (Rung::Uts, namespace("uts")),
        (Rung::CgroupNamespace, namespace("cgroup")),
        (Rung::Network, "$0 ip -o link | $0 cut -d' ' -f2,3".into()),
        (Rung::Overlay, "$0 ls /".into()),
        (Rung::Masks, "$0 ls -d /proc/self".into()),
        (Rung::Capabilities, "$0 grep CapBnd /proc/self/status | $0 grep -x '.*0000000020000420'".into()),
        (Rung::Seccomp, "$0 unshare -U $0 true && echo allowed || echo denied".into()),
    ];
    let all = rungs();
    for (rung, script) in &checks {
        let before = *below(*rung, &all).last().unwrap();
        let [off, on] = [before, *rung].map(|rung| shell(rung, &ground, script));
        assert_ne!(off, on, "{rung:?} changes nothing: {script}");
        assert!(!on.is_empty(), "{rung:?}: {script} prints nothing");
        match rung {
            Rung::Network => assert!(on.lines().count() == 1 && on.contains("lo:"), "{on}"),
            Rung::Overlay => {
                assert_eq!(on.split_whitespace().collect::<Vec<_>>(), ["busybox", "isolab-workload"]);
            }
            Rung::Seccomp => assert_eq!((&*off, &*on), ("allowed", "denied")),
            _ => {}
        }
    }
    let shows = "(: >> /proc/sys/kernel/hostname) 2>&1";
    assert!(shell(Rung::Masks, &ground, shows).contains("Read-only"), "a part of /proc is read-only");
    assert_eq!(shell(Rung::Masks, &ground, "$0 wc -c < /proc/timer_list"), "0", "a part of /proc is hidden");
    // Written in the overlay, it is not in the folder.
    shell(Rung::Overlay, &ground, "echo > /new");
    assert!(!ground.rootfs().join("new").exists());
    // From inside of its own namespace a group cannot be told from another; the host sees who is in it.
    assert_eq!([Rung::Overlay, Rung::Cgroup].map(|rung| members(rung, &ground)), [0, 1]);
}

/// How many processes the run's cgroup has while the workload holds on this rung.
fn members(rung: Rung, ground: &Ground) -> usize {
    let words = words::words(rung, &below(rung, &rungs()), ground).unwrap();
    let mut command = Command::new(&ground.programs.container_floor);
    command.arg(ground.rootfs()).args(words).args(["--", "/isolab-workload", "wait"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut marks = [0; 2];
    child.stdout.as_mut().unwrap().read_exact(&mut marks).unwrap();
    let procs = ground.floor_groups().next().unwrap().join("cgroup.procs");
    let count = std::fs::read_to_string(procs).unwrap().lines().count();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    count
}

#[test]
fn a_root_of_its_own_is_refused_without_a_mount_namespace() {
    let programs = Programs::find().unwrap();
    for (words, complaint) in
        [(&["overlay"][..], "rung mount"), (&["bind"], "rung mount"), (&["masks"], "rung overlay")]
    {
        let mut command = Command::new(&programs.container_floor);
        let output = command.arg("/").args(words).args(["--", "/bin/true"]).output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{words:?}");
        assert!(text(&output.stderr).contains(complaint), "{words:?}: {}", text(&output.stderr));
    }
}

#[test]
fn every_rung_is_measured_or_it_is_said_why_not_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (out, temporary) = (folder.path().join("report"), folder.path().join("tmp"));
    std::fs::create_dir(&temporary).unwrap();
    // An emulated machine takes seconds to boot a guest.
    let runs = if is_emulated() { 1 } else { 6 };
    let mut command = Command::new(LAB);
    command.args(["ladder", "--all", "--runs", &runs.to_string(), "--warmup", "0", "--seed", "3", "--out"]);
    let output = command.arg(&out).env("TMPDIR", &temporary).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let file = accepted(&out);
    let ladder = file.ladder.as_ref().unwrap();
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    for rung in Rung::ALL {
        let launches = ladder.launches.iter().filter(|launch| launch.rung == rung).count();
        let stack = rung.launched_as();
        let missing = ladder.absent.iter().any(|absent| absent.rung == rung)
            || rung.wall() != Some(Wall::Container) && file.unavailable.iter().any(|why| why.stack == stack);
        assert_eq!(launches, if missing { 0 } else { runs }, "{rung:?}: {:?}", ladder.absent);
        if launches > 0 && rung != Rung::Microvm {
            assert!(text(&output.stdout).contains(rung.name()), "{rung:?}");
            assert!(html.contains(&rung.name().replace('\'', "&#x27;")), "{rung:?}");
        }
    }
    assert!(ladder.launches.iter().all(|launch| launch.invalid.is_none()));
    let steps = Steps::of(ladder, &file.host, file.seed);
    assert_eq!(steps.of_wall(Wall::Vm).any(|step| step.emulated), {
        file.host.emulates_guest_kernels() && ladder.counted(Rung::FirstExit).next().is_some()
    });
    assert!(std::fs::read_to_string(out.join("ladder.svg")).unwrap().starts_with("<svg"));
    let csv = std::fs::read_to_string(out.join("ladder.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + steps.iter().count(), "a head, and a row for each rung");
    assert!(out.join("ladder.png").exists());
    assert!(!html.contains("spawn → begin p50"), "what was not measured has no trace");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "its folder is gone");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(temporary.to_str().unwrap()), "no mount is left");
}

#[test]
fn an_ordinary_user_climbs_the_same_ladder_without_what_he_may_not() {
    let name = "an_ordinary_user_climbs_the_same_ladder_without_what_he_may_not";
    let nobody = |program: &std::ffi::OsStr| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
        command
    };
    if !rustix::process::geteuid().is_root()
        || !nobody(LAB.as_ref()).arg("--version").output().is_ok_and(|out| out.status.success())
    {
        return eprintln!(
            "skipped: {name}: it becomes another user by setpriv, who must reach the lab; run as root"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let out = folder.path().join("report");
    let mut command = nobody(LAB.as_ref());
    command.args(["ladder", "--runs", "1", "--warmup", "0", "--out"]).arg(&out);
    let output = command.env("TMPDIR", folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let ladder = accepted(&out).ladder.unwrap();
    let absent = |rung: Rung| ladder.absent.iter().find(|absent| absent.rung == rung);
    if let Some(user) = absent(Rung::User) {
        return eprintln!("skipped: {name}: {}; {}", user.reason, user.fix);
    }
    for rung in [Rung::Pid, Rung::Mount, Rung::Network, Rung::Overlay, Rung::Seccomp] {
        assert!(absent(rung).is_none() && ladder.counted(rung).next().is_some(), "{:?}", absent(rung));
    }
    let cgroup = absent(Rung::Cgroup).unwrap();
    assert!(cgroup.fix.contains("root") && !cgroup.reason.is_empty(), "{cgroup:?}");
}

#[test]
fn an_interrupted_run_keeps_what_it_measured() {
    let (file, html) = interrupted(&["ladder", "--runs", "100000"]);
    assert!(file.partial.is_some() && !file.ladder.unwrap().launches.is_empty());
    assert!(html.contains("interrupted"));
}

#[test]
fn bad_input_is_one_error() {
    let output = lab(&["ladder", "--runs", "0"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("--runs"));
    let programs = Programs::find().unwrap();
    let output = Command::new(programs.kvm_floor).args(["noop", "128", "stilts"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("the rungs are vm, memory"));
}
