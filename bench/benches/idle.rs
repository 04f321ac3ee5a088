//! What an idle container costs in memory, beyond the pages of the program in it: ours, crun's, runc's, youki's.
//!
//! Under one parent control group containers are added a batch at a time, and after each batch the memory that
//! the kernel charges to the parent is read. The slope of a line through these points is the cost of one
//! more container; what all share falls out. `memory.stat` tells what of it are the programs' own pages (anonymous
//! and file pages); the rest is the kernel's, for the namespaces, mounts and the process that the
//! runtime has made. It is no criterion bench because it measures no time.

use anyhow::{Context as _, ensure};
use isolab::ground::Ground;
use isolab::memory::group::Accounts;
use isolab::programs::Programs;
use isolab::stats::line::Line;
use isolab_runtime::oci::default::template;
use isolab_runtime::seccomp::default_profile;
use serde_json::{Value, json};
use std::fs;
use std::io::{PipeReader, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const OTHERS: [&str; 3] = ["crun", "runc", "youki"];
const BATCHES: usize = 8;

fn main() -> anyhow::Result<()> {
    let trial = std::env::args().any(|word| word == "--test");
    let batch = if trial { 1 } else { 25 };
    let ground = Ground::lay(Programs::find()?, 128, None)?;
    // The programs read it, and as long as it is open they wait.
    let (input, held) = pipe().context("making the programs' input")?;
    println!("one more idle container, KiB of its cgroup (N = {})", batch * BATCHES);
    println!("{:20} {:>8} {:>10} {:>10}", "", "all", "its pages", "beyond");
    let ours = (String::from("isolab-runtime"), ground.programs.runtime.clone());
    let others = OTHERS.map(|name| (name.to_owned(), PathBuf::from(name)));
    for (name, program) in std::iter::once(ours).chain(others) {
        let mut fleet = Fleet::new(&ground, &name, program, &input)?;
        let slopes = fleet.grow(batch);
        fleet.clear();
        match slopes {
            Ok([all, pages]) => println!("{name:20} {all:8.1} {pages:10.1} {:10.1}", all - pages),
            Err(why) => eprintln!("skipped: {name}: {why:#}"),
        }
    }
    drop(held);
    Ok(())
}

/// The containers of one runtime.
struct Fleet<'a> {
    program: PathBuf,
    state: PathBuf,
    bundle: PathBuf,
    parent: Parent,
    input: &'a PipeReader,
    started: usize,
}

impl<'a> Fleet<'a> {
    fn new(ground: &Ground, name: &str, program: PathBuf, input: &'a PipeReader) -> anyhow::Result<Self> {
        let bundle = ground.place(&format!("idle-{name}"));
        fs::create_dir(&bundle).context("making the bundle's folder")?;
        let fleet = Self {
            program,
            state: ground.place(&format!("state-{name}")),
            bundle,
            parent: Parent::make(name)?,
            input,
            started: 0,
        };
        let mut config = template();
        // The newest that all of them take.
        config["ociVersion"] = "1.0.2".into();
        config["process"]["terminal"] = false.into();
        config["process"]["args"] = json!(["/isolab-workload", "wait"]);
        config["root"]["path"] = ground.rootfs().to_str().context("a path that is no text")?.into();
        config["linux"]["seccomp"] = serde_json::to_value(default_profile())?;
        fs::write(fleet.bundle.join("template.json"), serde_json::to_vec(&config)?)?;
        Ok(fleet)
    }

    /// Adds the batches. Returns the slopes of all memory and of the programs' own pages, in KiB a container.
    fn grow(&mut self, batch: usize) -> anyhow::Result<[f64; 2]> {
        let mut points = Vec::new();
        for _ in 0..BATCHES {
            for _ in 0..batch {
                self.add()?;
            }
            points.push((self.started as f64, self.parent.memory()?));
        }
        let slope = |column: usize| Line::fit(points.iter().map(|&(count, memory)| (count, memory[column])));
        Ok([0, 1].map(|column| slope(column).map_or(f64::NAN, |line| line.slope)))
    }

    fn add(&mut self) -> anyhow::Result<()> {
        let id = format!("isolab-idle-{}", self.started);
        let mut config: Value = serde_json::from_slice(&fs::read(self.bundle.join("template.json"))?)?;
        config["linux"]["cgroupsPath"] = format!("{}/{id}", self.parent.path).into();
        fs::write(self.bundle.join("config.json"), serde_json::to_vec(&config)?)?;
        self.started += 1;
        self.call(&["create", "--bundle", self.bundle.to_str().context("a path that is no text")?, &id])?;
        self.call(&["start", &id])
    }

    fn call(&self, arguments: &[&str]) -> anyhow::Result<()> {
        // Its standard error is the container's, which stays: a pipe would never end.
        let complaint = self.bundle.join("complaint");
        let status = Command::new(&self.program)
            .arg("--root")
            .arg(&self.state)
            .args(arguments)
            .stdin(self.input.try_clone()?)
            .stdout(Stdio::null())
            .stderr(fs::File::create(&complaint)?)
            .status()?;
        let said = || fs::read_to_string(&complaint).unwrap_or_default();
        ensure!(status.success(), "{} failed: {}", arguments[0], said().trim());
        Ok(())
    }

    fn clear(&self) {
        for number in 0..self.started {
            let _ = self.call(&["delete", "--force", &format!("isolab-idle-{number}")]);
        }
        // In version 1 it was made in every hierarchy.
        let tops = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
        for top in tops.chain(["/sys/fs/cgroup".into()]) {
            let _ = fs::remove_dir(top.join(&self.parent.path[1..]));
        }
    }
}

/// The control group under which all of them are.
struct Parent {
    path: String,
    folder: PathBuf,
}

impl Parent {
    fn make(name: &str) -> anyhow::Result<Self> {
        let path = format!("/isolab-idle-{}-{name}", std::process::id());
        let version2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let top = Path::new(if version2 { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/memory" });
        let folder = top.join(&path[1..]);
        fs::create_dir(&folder).with_context(|| format!("making the cgroup {}", folder.display()))?;
        if version2 {
            for folder in [top, &folder] {
                fs::write(folder.join("cgroup.subtree_control"), "+memory +pids")?;
            }
        }
        Ok(Self { path, folder })
    }

    /// All memory that is charged to it, and what of it are anonymous and file pages, in KiB.
    fn memory(&self) -> anyhow::Result<[f64; 2]> {
        let accounts = Accounts::of(&self.folder).context("the memory controller does not count in it")?;
        let charged = accounts.read()?;
        let pages = charged.anonymous_bytes + charged.file_bytes;
        Ok([charged.usage_bytes, pages].map(|bytes| bytes as f64 / 1024.0))
    }
}
