//! The same container by four low-level runtimes: ours, crun, runc and youki. One bundle with one configuration, given
//! unchanged to each: the default that `spec` prints (runc's), with a seccomp profile and limits added, and the
//! workload that does nothing. What differs is the runtime.
//!
//! The others are taken as they are found along `PATH`; one that is missing, or that this host does not let run, is
//! named as skipped. It is no criterion bench because what counts is the ratio within a run.

use anyhow::Context as _;
use isolab::ground::{Ground, LIMITS};
use isolab::instance::Launcher;
use isolab::placement::Placement;
use isolab::programs::Programs;
use isolab::rivals::{Race, Rival};
use isolab_runtime::oci::default::template;
use isolab_runtime::seccomp::default_profile;
use isolab_timeline::Mark;
use serde_json::json;
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const OTHERS: [&str; 3] = ["crun", "runc", "youki"];

fn main() -> anyhow::Result<()> {
    let trial = std::env::args().any(|word| word == "--test");
    let runs = if trial { 1 } else { 101 };
    let ground = Ground::lay(Programs::find()?, 128, None)?;
    let bundle = ground.place("bundle");
    fs::create_dir(&bundle).context("making the bundle's folder")?;
    fs::write(bundle.join("config.json"), config(&ground.rootfs())?).context("writing the bundle")?;
    let launcher = Launcher::new(Placement::choose()?, Duration::from_secs(60))?;
    let next = Cell::new(0);
    let rival = |name, program: &Path| Rival {
        name,
        success: 0,
        command: Box::new({
            let (program, state, bundle, next) = (program.to_owned(), ground.place(name), &bundle, &next);
            move || {
                next.set(next.get() + 1);
                let mut command = Command::new(&program);
                command.arg("--root").arg(&state).arg("run").arg("--bundle").arg(bundle);
                command.arg(format!("isolab-bench-{}", next.get()));
                Ok(command)
            }
        }),
    };
    let mut rivals = vec![rival("isolab-runtime", &ground.programs.runtime)];
    rivals.extend(OTHERS.map(|name| rival(name, Path::new(name))));
    let race = Race::run(rivals, runs, &launcher)?;
    println!("{}, n = {runs}", ground.limits());
    race.print("begin", Mark::Begin);
    race.print("reaped", Mark::Reaped);
    Ok(())
}

/// The default configuration for this root, with all that it does not have and engines add.
fn config(rootfs: &Path) -> anyhow::Result<Vec<u8>> {
    let mut config = template();
    // The newest that all of them take: some look at the number before they look at what is asked for.
    config["ociVersion"] = "1.0.2".into();
    config["process"]["terminal"] = false.into();
    config["process"]["args"] = json!(["/isolab-workload", "noop"]);
    config["root"]["path"] = rootfs.to_str().context("a path that is no text")?.into();
    let linux = &mut config["linux"];
    linux["seccomp"] = serde_json::to_value(default_profile())?;
    linux["resources"]["memory"] = json!({ "limit": LIMITS.memory });
    linux["resources"]["cpu"] = json!({ "quota": 100_000, "period": 100_000 });
    linux["resources"]["pids"] = json!({ "limit": LIMITS.pids });
    Ok(serde_json::to_vec(&config)?)
}
