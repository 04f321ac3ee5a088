//! The commands on a living container's groups: pause, resume, ps, events, update.

mod common;

use common::{Root, can_limit, eventually, folders_named, skipped};
use isolab_runtime::cgroup::{Hierarchy, Mode};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A running container, deleted with its state when it drops.
struct Container {
    root: Root,
    id: String,
}

impl Container {
    /// Starts `script` under these resources. `None`, after a line: not here.
    fn start(test: &str, script: &str, resources: &Value) -> Option<Self> {
        Self::start_with(test, script, resources, |_| ())
    }

    /// The same, with a change to the rest of the configuration.
    fn start_with(
        test: &str,
        script: &str,
        resources: &Value,
        change: impl FnOnce(&mut Value),
    ) -> Option<Self> {
        let root = Root::new(test)?;
        if !can_limit(test) {
            return None;
        }
        let id = format!("{}-{}", &test[..test.len().min(40)], std::process::id());
        let container = Self { root, id };
        let bundle = container.root.beside("");
        let spec = Command::new(common::RUNTIME).args(["spec", "--bundle"]).arg(&bundle).output().unwrap();
        assert!(spec.status.success(), "{}", common::errors(&spec));
        let file = bundle.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        config["process"]["args"] = json!(["sh", "-c", script]);
        config["process"]["terminal"] = json!(false);
        config["root"] = json!({ "path": "root", "readonly": true });
        config["linux"]["resources"] = resources.clone();
        config["linux"]["cgroupsPath"] = json!(format!("/isolab-test/{}", container.id));
        // What this root may not set on some hosts.
        config["process"].as_object_mut().unwrap().remove("rlimits");
        change(&mut config);
        fs::write(&file, config.to_string()).unwrap();
        let bundle = bundle.to_str().unwrap();
        container.done(&["run", "--detach", "--bundle", bundle, &container.id]);
        Some(container)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(common::RUNTIME);
        command.arg("--root").arg(self.root.beside("state")).args(words);
        // A detached container keeps its standard files: they must not be pipes that somebody reads to the end.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn output(&self, words: &[&str]) -> Output {
        self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
    }

    fn done(&self, words: &[&str]) {
        let file = self.root.beside("errors");
        let status = self.command(words).stderr(fs::File::create(&file).unwrap()).status().unwrap();
        assert!(status.success(), "{words:?}: {}", fs::read_to_string(file).unwrap());
    }

    /// A command that must succeed, and what it prints.
    fn print(&self, words: &[&str]) -> String {
        let output = self.output(words);
        assert!(output.status.success(), "{words:?}: {}", common::errors(&output));
        common::text(&output)
    }

    fn state(&self) -> Value {
        serde_json::from_str(&self.print(&["state", &self.id])).unwrap()
    }

    fn status(&self) -> String {
        self.state()["status"].as_str().unwrap().to_owned()
    }

    /// The content of a file of its groups.
    fn file(&self, names: &[&str]) -> String {
        let folders = folders_named(&self.id);
        let text = folders
            .iter()
            .find_map(|folder| names.iter().find_map(|name| fs::read_to_string(folder.join(name)).ok()));
        text.unwrap_or_else(|| panic!("{names:?} in {folders:?}")).trim().to_owned()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.command(&["delete", "--force", &self.id]).status();
        for parent in folders_named("isolab-test") {
            let _ = fs::remove_dir(parent);
        }
    }
}

#[test]
fn pause_and_resume() {
    let limits = json!({ "pids": { "limit": 20 } });
    let script = "while :; do echo x; done > /dev/null";
    let Some(container) = Container::start("pause_and_resume", script, &limits) else { return };
    assert_eq!(container.status(), "running");
    assert!(!container.output(&["resume", &container.id]).status.success(), "it is not paused");
    container.print(&["pause", &container.id]);
    assert_eq!(container.status(), "paused");
    assert!(!container.output(&["pause", &container.id]).status.success(), "it is paused already");
    container.print(&["resume", &container.id]);
    assert_eq!(container.status(), "running");
    // A paused one can be deleted by force.
    container.print(&["pause", &container.id]);
    container.print(&["delete", "--force", &container.id]);
    assert_eq!(folders_named(&container.id), Vec::<PathBuf>::new());
    assert!(!container.output(&["pause", &container.id]).status.success());
}

#[test]
fn a_user_may_divide_his_group_but_not_enlarge_it() {
    let test = "a_user_may_divide_his_group_but_not_enlarge_it";
    if Hierarchy::detect().unwrap().mode() != Mode::V2 {
        return skipped(test, "needs a host with cgroup v2 only");
    }
    let limits = json!({ "pids": { "limit": 20 } });
    let script = "cd /sys/fs/cgroup; mkdir inner && echo made; echo $$ > inner/cgroup.procs && echo moved; \
        echo max > pids.max || echo refused; sleep 1000";
    for (options, said) in
        [(json!(["nosuid"]), vec!["made", "moved", "refused"]), (json!(["ro"]), vec!["refused"])]
    {
        let out = Root::new(test).unwrap().beside("").with_extension("out");
        let mounted = out.clone();
        let container =
            Container::start_with(test, &format!("exec >/out 2>&1; {script}"), &limits, |config| {
                fs::write(&mounted, "").unwrap();
                fs::set_permissions(&mounted, fs::Permissions::from_mode(0o666)).unwrap();
                config["process"]["user"] = json!({ "uid": 65534, "gid": 65534 });
                let mounts = config["mounts"].as_array_mut().unwrap();
                mounts.retain(|mount| mount["destination"] != "/sys/fs/cgroup");
                mounts.push(json!({ "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
                "options": options }));
                mounts.push(json!({ "destination": "/out", "source": mounted, "options": ["bind"] }));
            });
        let Some(container) = container else { return };
        let written = || fs::read_to_string(&out).unwrap();
        eventually("it has tried", || written().contains("refused"));
        let all = written();
        let told: Vec<&str> = all.lines().filter(|line| !line.contains(':')).collect();
        assert_eq!(told, said, "{all}");
        drop(container);
        fs::remove_file(&out).unwrap();
    }
}

#[test]
fn ps_lists_its_processes_and_no_others() {
    let limits = json!({ "pids": { "limit": 20 } });
    let script = "sleep 1234 & sleep 1235 & wait";
    let Some(container) = Container::start("ps_lists", script, &limits) else { return };
    let pids = || -> Vec<i64> {
        serde_json::from_str(&container.print(&["ps", "--format", "json", &container.id])).unwrap()
    };
    eventually("three processes", || pids().len() == 3);
    assert!(pids().contains(&container.state()["pid"].as_i64().unwrap()));
    if !Path::new("/bin/ps").exists() {
        return skipped("ps_lists_its_processes_and_no_others (the table)", "needs ps(1)");
    }
    let table = container.print(&["ps", &container.id]);
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.contains("sleep 1234") && table.contains("sleep 1235"), "{table}");
    let table = container.print(&["ps", &container.id, "-e", "-o", "pid,comm"]);
    assert_eq!(table.lines().count(), 4, "{table}");
}

#[test]
fn update_changes_what_is_given() {
    let limits = json!({ "pids": { "limit": 20 }, "memory": { "limit": 64 << 20 } });
    let Some(container) = Container::start("update_changes", "sleep 1000", &limits) else { return };
    let memory = ["memory.max", "memory.limit_in_bytes"];
    container.print(&[
        "update",
        "--memory",
        "96m",
        "--memory-swap",
        "-1",
        "--pids-limit",
        "30",
        &container.id,
    ]);
    assert_eq!(container.file(&memory), (96 << 20).to_string());
    assert_eq!(container.file(&["pids.max"]), "30");
    container.print(&[
        "update",
        &container.id,
        "--pids-limit=-1",
        "--cpu-share",
        "512",
        "--cpuset-cpus",
        "0",
    ]);
    assert_eq!(container.file(&["pids.max"]), "max");
    assert_eq!(container.file(&["cpuset.cpus"]), "0");
    assert_eq!(container.file(&memory), (96 << 20).to_string(), "not given, not changed");

    let mut update = container.command(&["update", "--resources", "-", &container.id]);
    let mut update = update.stdin(Stdio::piped()).spawn().unwrap();
    let text = json!({ "pids": { "limit": 40 }, "cpu": { "quota": 50_000 } }).to_string();
    update.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(update.wait().unwrap().success());
    assert_eq!(container.file(&["pids.max"]), "40");
    assert!(container.file(&["cpu.max", "cpu.cfs_quota_us"]).starts_with("50000"));

    let refused = container.output(&["update", "--blkio-weight", "5", &container.id]);
    assert!(common::errors(&refused).contains("blockIO.weight"), "{}", common::errors(&refused));
    assert!(!refused.status.success());
    assert!(!container.output(&["update", &container.id]).status.success(), "nothing is given");
}

#[test]
fn events_tell_what_it_uses_and_when_memory_runs_out() {
    let limits = json!({ "memory": { "limit": 16 << 20, "swap": 16 << 20 }, "pids": { "limit": 20 } });
    // The inner shell grows until the kernel kills it; what is left of memory is the first one's.
    let script = "sleep 1; sh -c 'x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done'; sleep 1000";
    let Some(container) = Container::start("events_tell", script, &limits) else { return };
    let stats: Value = serde_json::from_str(&container.print(&["events", "--stats", &container.id])).unwrap();
    assert_eq!(stats["type"], "stats");
    assert_eq!(stats["id"], container.id);
    assert_eq!(stats["data"]["memory"]["usage"]["limit"], 16 << 20);
    assert_eq!(stats["data"]["pids"]["limit"], 20);

    let mut events = container.command(&["events", "--interval", "50ms", &container.id]);
    let mut events = events.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(events.stdout.take().unwrap()).lines();
    let types = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()["type"].clone());
    let mut seen = std::collections::HashSet::new();
    for each in types {
        seen.insert(each.as_str().unwrap().to_owned());
        if seen.len() == 2 {
            // It ends with the container.
            container.print(&["delete", "--force", &container.id]);
        }
    }
    assert!(events.wait().unwrap().success());
    assert!(seen.contains("stats") && seen.contains("oom"), "{seen:?}");
}
