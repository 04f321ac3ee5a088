//! Docker Engine: `dockerd` with its own containerd, and a container that outlives the daemon.

use crate::common::{RUNTIME, errors, eventually, processes, text};
use crate::engine::{Engine, IMAGE};
use crate::place::Place;
use crate::podman::{import, or_skipped};
use crate::scenarios::HOG;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::OnceLock;

/// A daemon that answers, and the image in it.
fn start(more: &[&str]) -> Result<(Engine, u32), String> {
    let mut place = Place::new(&["dockerd", "docker", "containerd"], |folder| {
        let mut command = Command::new("dockerd");
        let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        fs::write(at("daemon.json"), "{}").unwrap();
        for (option, name) in [
            ("--data-root", "data"),
            ("--exec-root", "exec"),
            ("--pidfile", "dockerd.pid"),
            ("--config-file", "daemon.json"),
        ] {
            command.arg(format!("{option}={}", at(name)));
        }
        command.arg(format!("--host=unix://{}", at("docker.sock"))).args(more);
        command.args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--userland-proxy=false"]);
        command.args(["--storage-driver=vfs", "--default-runtime=isolab"]);
        command.arg(format!("--add-runtime=isolab={RUNTIME}"));
        command
    })?;
    let daemon = place.start();
    let host = format!("unix://{}", place.path("docker.sock"));
    let client = ["docker", "--config", &place.path("client"), "--host", &host].map(str::to_owned).to_vec();
    let group = format!("--cgroup-parent=/{}", place.group());
    let run = ["--network=none", "--runtime=isolab", &group].map(str::to_owned).to_vec();
    let engine = Engine { place, client, run };
    if !answers(&engine, daemon) {
        let log = fs::read_to_string(engine.place.file("log")).unwrap_or_default();
        return Err(format!("dockerd does not start here: {}", log.lines().last().unwrap_or_default()));
    }
    import(&engine);
    Ok((engine, daemon))
}

/// Waits for the daemon; `false` when it has gone.
fn answers(engine: &Engine, daemon: u32) -> bool {
    let gone = || !fs::exists(format!("/proc/{daemon}")).unwrap();
    eventually("dockerd answers", || engine.call(&["version"]).status.success() || gone());
    !gone()
}

fn engine(test: &str) -> Option<&'static Engine> {
    static ENGINE: OnceLock<Result<(Engine, u32), String>> = OnceLock::new();
    let engine = or_skipped(test, ENGINE.get_or_init(|| start(&[])).as_ref());
    engine.map(|(engine, _)| engine)
}

crate::podman::scenarios!(engine);

#[test]
fn an_init_of_dockers_reaps() {
    let Some(engine) = engine("an_init_of_dockers_reaps") else { return };
    let container = engine.detach(&["--init"], &["sleep", "1000"]);
    assert!(text(&container.exec(&[], &["cat", "/proc/1/comm"])).contains("init"));
    container.must(&["stop"], &[]);
    assert_eq!(container.must(&["wait"], &[]), "143\n", "the init hands the signal on");
    container.remove();
}

/// Docker takes a container that was created for one that starts, and forgets the shim of one that does not.
#[test]
fn a_program_that_the_kernel_refuses_leaves_no_shim() {
    let Some(engine) = engine("a_program_that_the_kernel_refuses_leaves_no_shim") else { return };
    let run: Vec<_> = engine.run.iter().map(String::as_str).collect();
    // What Docker makes of the kernel's words for an unknown format is 125.
    for (name, content, status) in [("lost", "#!/no/such/interpreter\n", 127), ("text", "echo hello\n", 125)]
    {
        let file = engine.place.file(name);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let (volume, cid) =
            (format!("{}:/program", file.display()), engine.place.path(&format!("{name}.cid")));
        let words = ["--cidfile", &cid, "-v", &volume, IMAGE, "/program"];
        let output = engine.call(&[&["run"], &run[..], &words].concat());
        assert_eq!(output.status.code(), Some(status), "{name}: {}", errors(&output));
        let id = fs::read_to_string(&cid).unwrap();
        engine.must(&["rm", &id]);
        eventually("nothing is left", || engine.place.traces(&id).is_empty());
    }
}

#[test]
fn limits_are_changed_while_it_runs() {
    let Some(engine) = engine("limits_are_changed_while_it_runs") else { return };
    let container = engine.detach(&["--memory", "64m"], &["sleep", "1000"]);
    let both = ["update", "--memory", "128m", "--memory-swap", "128m", "--pids-limit", "20", "--cpus", "0.5"];
    container.must(&both, &[]);
    let show = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us 2>/dev/null ||
        cat memory.max pids.max cpu.max";
    let said = text(&container.exec(&[], &["sh", "-c", show]));
    assert!(said.starts_with("134217728\n20\n50000"), "{said}");
    container.must(&["kill"], &[]);
    container.must(&["wait"], &[]);
    container.remove();
}

#[test]
fn the_engine_knows_that_memory_was_short() {
    let Some(engine) = engine("the_engine_knows_that_memory_was_short") else { return };
    let container = engine.detach(&["--memory", "32m"], &["awk", HOG]);
    assert_eq!(container.must(&["wait"], &[]), "137\n");
    eventually("the engine knows why", || container.field(".State.OOMKilled") == "true");
    container.remove();
}

/// Docker keeps a namespace alive by a bind mount, and gives its path.
#[test]
fn namespaces_are_shared_by_path() {
    let Some(engine) = engine("namespaces_are_shared_by_path") else { return };
    let run = |network: &str| {
        let group = format!("--cgroup-parent=/{}", engine.place.group());
        let words = ["run", "--rm", "--network", network, &group, IMAGE, "readlink", "/proc/self/ns/net"];
        engine.must(&words).trim().to_owned()
    };
    let host = fs::read_link("/proc/self/ns/net").unwrap();
    assert_eq!(run("host"), host.to_str().unwrap());
    assert_ne!(run("none"), host.to_str().unwrap());
    let container = engine.detach(&[], &["sleep", "1000"]);
    let own = text(&container.exec(&[], &["readlink", "/proc/self/ns/net"]));
    assert_eq!(run(&format!("container:{}", container.id)), own.trim());
    container.must(&["kill"], &[]);
    container.must(&["wait"], &[]);
    container.remove();
}

#[test]
fn a_container_survives_the_death_of_dockerd() {
    let test = "a_container_survives_the_death_of_dockerd";
    let Some((mut engine, daemon)) = or_skipped(test, start(&["--live-restore"])) else { return };
    let script = "trap 'echo asked; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let container = engine.detach(&[], &["sh", "-c", script]);
    container.has_said("ready");
    let id = container.id.clone();
    std::mem::forget(container);
    let pid = engine.must(&["inspect", "--format", "{{.State.Pid}}", &id]);

    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(daemon.cast_signed()),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    eventually("dockerd has gone", || !engine.call(&["version"]).status.success());
    assert!(fs::exists(format!("/proc/{}", pid.trim())).unwrap(), "the container has died with dockerd");
    // The next one would take the dying containerd of this one for its own, and where nobody reaps it, a dead one.
    let configuration = engine.place.path("exec/containerd/containerd.toml");
    eventually("its containerd has gone too", || processes(&configuration).is_empty());
    let _ = fs::remove_file(engine.place.file("exec/containerd/containerd.pid"));
    let again = engine.place.start();
    assert!(answers(&engine, again), "the next dockerd does not start");

    assert_eq!(
        engine.must(&["inspect", "--format", "{{.State.Status}} {{.State.Pid}}", &id]),
        format!("running {pid}")
    );
    let output = engine.call(&["exec", &id, "echo", "inside"]);
    assert_eq!(text(&output), "inside\n", "{}", errors(&output));
    engine.must(&["stop", &id]);
    assert_eq!(engine.must(&["wait", &id]), "9\n");
    engine.must(&["rm", &id]);
    eventually("nothing is left", || engine.place.traces(&id).is_empty());
}
