//! `isolab-runtime`: runs a program in a container. See the library for how.

mod cli;

use anyhow::Context as _;
use clap::Parser;
use cli::{Action, Cli};
use isolab_runtime::cgroup::sweep;
use isolab_runtime::error::FAILED;
use isolab_runtime::spec::Spec;
use isolab_runtime::{Error, container, page};
use isolab_timeline::Mark;
use std::io::Write as _;
use std::process::exit;

fn main() {
    let status = perform().unwrap_or_else(|error| {
        eprintln!("isolab-runtime: {error:#}");
        error.downcast_ref::<Error>().map_or(FAILED, Error::exit_status)
    });
    exit(status)
}

fn perform() -> anyhow::Result<i32> {
    let stamps = page::shared_stamps()?;
    stamps.stamp(Mark::Launcher);
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        exit(if error.use_stderr() { FAILED } else { 0 })
    });
    match cli.action {
        Action::Run(run) => {
            let timeline = run.timeline;
            let status = container::run(&Spec::from(*run), stamps)?;
            if timeline {
                std::io::stdout().write_all(&stamps.record()).context("writing the timeline")?;
            }
            Ok(status)
        }
        Action::Clean { json } => clean(json),
    }
}

fn clean(json: bool) -> anyhow::Result<i32> {
    let swept = sweep()?;
    let mut out = std::io::stdout().lock();
    if json {
        let left: Vec<_> =
            swept.left.iter().map(|(path, why)| serde_json::json!({ "path": path, "why": why })).collect();
        writeln!(out, "{}", serde_json::json!({ "removed": swept.removed, "left": left }))?;
    } else {
        for path in &swept.removed {
            writeln!(out, "removed {}", path.display())?;
        }
    }
    for (path, why) in &swept.left {
        eprintln!("isolab-runtime: removing the cgroup {}: {why}", path.display());
    }
    Ok(if swept.left.is_empty() { 0 } else { FAILED })
}
