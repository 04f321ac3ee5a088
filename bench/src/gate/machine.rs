//! Both builds in the deterministic machine: virtual time, without noise (`isolab emulate --deterministic`).
//!
//! Each build is launched in a machine of its own, which differs from the other's in the measured programs only: lab,
//! kernel and PID 1 are the same. What remains between two runs of one build is stated as [`TOLERANCE`].

use super::build::Build;
use crate::compare::Plan;
use crate::emulate::{self, inside::Output};
use crate::ground::Folder;
use crate::interrupt::Interrupt;
use crate::samples::{SamplesError, SamplesFile};
use anyhow::{Context, bail};
use std::fs;

/// How far the medians of one and the same build may lie apart, as a share, from one machine to the next. Two machines
/// with the same programs agree within 0.1 % (`docs/gate.md` has the measurement); programs of another length lie
/// elsewhere in memory, which moves a little more.
pub const TOLERANCE: f64 = 0.002;

/// Launches both builds, one machine after the other.
pub fn run(plan: &Plan, builds: [&Build; 2], interrupt: &Interrupt) -> anyhow::Result<[SamplesFile; 2]> {
    let one = |build: &Build| of(plan, build, interrupt).with_context(|| format!("measuring {}", build.name));
    Ok([one(builds[0])?, one(builds[1])?])
}

fn of(plan: &Plan, build: &Build, interrupt: &Interrupt) -> anyhow::Result<SamplesFile> {
    let folder = Folder::make()?;
    let machine = emulate::Plan {
        deterministic: true,
        cpus: 1,
        memory_mib: 2048,
        limit: None,
        measured: Some(build.programs.clone()),
        given: Vec::new(),
        out: folder.path().into(),
        output: Output::Deferred,
        window: None,
        // What it prints stays in a file: this command's output is its own.
        words: ["/bin/sh", "-c", &format!("{} >said 2>&1", command(plan))].map(Into::into).into(),
    };
    let status = emulate::run(&machine, interrupt)?;
    let mut file = match SamplesFile::read(&folder.path().join("report/samples.json")) {
        Err(SamplesError::Read { .. }) => {
            let said = fs::read_to_string(folder.path().join("said")).unwrap_or_default();
            bail!("the lab in the machine ended with status {status}: {}", said.trim());
        }
        read => read?,
    };
    file.commit = build.commit.clone();
    file.command.clone_from(&plan.command);
    Ok(file)
}

/// What the machine's shell runs.
fn command(plan: &Plan) -> String {
    let stacks: Vec<_> = plan.stacks.iter().map(|stack| stack.name()).collect();
    let kernel = plan.kernel.as_deref().and_then(|kernel| kernel.to_str());
    let kernel = kernel.map_or(String::new(), |name| format!(" --kernel {name}"));
    format!(
        "isolab compare --parts startup --out report --stacks {} --runs {} --warmup {} --workload '{}' --memory {} --seed {}{kernel}",
        stacks.join(","),
        plan.runs,
        plan.warmup,
        plan.workload,
        plan.memory_mib,
        plan.seed,
    )
}
