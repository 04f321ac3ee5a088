//! `isolab compare`: the start-up of all stacks, measured in one run.

use crate::calls;
use crate::ground::{self, Ground};
use crate::host::Host;
use crate::instance::{Agreed, Launcher};
use crate::interrupt::Interrupt;
use crate::placement::Placement;
use crate::programs::Programs;
use crate::samples::{Commit, SCHEMA_VERSION, SamplesFile, Unavailable};
use crate::schedule::{self, Turn};
use crate::{sandbox, stacks};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use isolab_timeline::{Mark, Stack, Workload};
use isolab_workload::kind::Kind;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What to compare, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The stacks to launch.
    pub stacks: Vec<Stack>,
    /// Counted launches of each.
    pub runs: usize,
    /// Launches of each that come first and do not count.
    pub warmup: usize,
    /// The work.
    pub workload: Workload,
    /// Memory of a VM, in MiB.
    pub memory_mib: u32,
    /// The kernel of Linux guests: its name in the cache or its path; `None`: the best that there is.
    pub kernel: Option<PathBuf>,
    /// Seed of the order.
    pub seed: u64,
    /// A launch that takes longer is killed and counts as failed.
    pub limit: Duration,
    /// The command line that makes this run again.
    pub command: String,
    /// Whether to show progress on standard error.
    pub progress: bool,
}

/// How many launches of nothing-to-do, at most as many as of the work, tell what a mark costs where that does not.
const PROBES: usize = 20;

/// Before each launch the lab pauses for a random time up to this. Launches one right after the other, or
/// at a fixed pace, fall into step with the kernel's timer tick and all meet it, or all miss it.
pub const PAUSE: Duration = Duration::from_millis(4);

/// Measures everything that the plan asks for and this host can do.
pub fn run(plan: &Plan, interrupt: &Interrupt) -> anyhow::Result<SamplesFile> {
    ground::sweep()?;
    let ground = Ground::lay(Programs::find()?, plan.memory_mib, plan.kernel.clone())?;
    let placement = Placement::choose()?;
    let host = Host::read(ground.limits());
    let launcher = Launcher::new(placement, plan.limit)?;

    let (stacks, unavailable) = tried(plan, &ground, &launcher);
    let syscalls = stacks
        .iter()
        .filter(|stack| stack.is_floor())
        .filter_map(|&stack| {
            Some((stack, calls::count(command(stack, &ground, Workload(Kind::Noop))?).ok()?))
        })
        .collect();
    let mut file = SamplesFile {
        schema_version: SCHEMA_VERSION,
        host,
        commit: commit(),
        command: plan.command.clone(),
        seed: plan.seed,
        warmup: plan.warmup,
        placement: placement.rule(),
        guest: stacks.iter().any(|stack| stack.boots_linux()).then(|| guest(&ground)).flatten(),
        probe_ns: BTreeMap::new(),
        unavailable,
        partial: None,
        samples: Vec::new(),
        syscalls,
    };
    measure(plan, &stacks, &ground, &launcher, interrupt, &mut file)?;
    Ok(file)
}

/// The kernel of Linux guests, in words.
fn guest(ground: &Ground) -> Option<String> {
    ground.kernel().ok().map(|kernel| kernel.words.clone())
}

/// Tries each stack once: those that work, and why the others do not.
fn tried(plan: &Plan, ground: &Ground, launcher: &Launcher) -> (Vec<Stack>, Vec<Unavailable>) {
    let mut unavailable = Vec::new();
    let mut works = |stack: &Stack| {
        sandbox::probe(stacks::of(*stack), ground, launcher, plan.workload)
            .map_err(|why| unavailable.push(why))
            .is_ok()
    };
    let stacks = plan.stacks.iter().copied().filter(|stack| works(stack)).collect();
    (stacks, unavailable)
}

fn measure(
    plan: &Plan,
    stacks: &[Stack],
    ground: &Ground,
    launcher: &Launcher,
    interrupt: &Interrupt,
    file: &mut SamplesFile,
) -> anyhow::Result<()> {
    let turns = schedule::plan(stacks, plan.warmup, plan.runs, plan.seed);
    let bar = progress(plan.progress, turns.len());
    let mut agreed = Agreed::on(plan.workload);
    let mut random = fastrand::Rng::with_seed(plan.seed);
    for (order, Turn { stack, warmup }) in turns.iter().copied().enumerate() {
        std::thread::sleep(PAUSE.mul_f64(random.f64()));
        let Some(command) = command(stack, ground, plan.workload) else { continue };
        bar.set_message(stack.name());
        let mut launch = launcher.run(command)?;
        if interrupt.came() {
            // The launch that the signal hit was not measured; all before it was.
            file.partial = Some(format!("it was interrupted after {order} of {} launches", turns.len()));
            break;
        }
        agreed.judge(&mut launch);
        file.samples.push(launch.into_sample(stack, plan.workload, order, warmup));
        bar.inc(1);
    }
    bar.finish_and_clear();
    file.probe_ns = probe(plan, stacks, ground, launcher, file)?;
    Ok(())
}

/// The null probe: begin and ready of a workload that does nothing are two marks sent one right after
/// the other, so their span is what a mark costs in a stack, its way to the lab included.
fn probe(
    plan: &Plan,
    stacks: &[Stack],
    ground: &Ground,
    launcher: &Launcher,
    file: &SamplesFile,
) -> anyhow::Result<BTreeMap<Stack, Vec<i64>>> {
    let mut spans = BTreeMap::new();
    for &stack in stacks {
        let of_stack: &mut Vec<i64> = spans.entry(stack).or_default();
        if plan.workload.0 == Kind::Noop {
            of_stack.extend(
                file.counted(stack).filter_map(|sample| sample.marks_ns.span(Mark::Begin, Mark::Ready)),
            );
            continue;
        }
        for _ in 0..if file.partial.is_none() { PROBES.min(plan.runs) } else { 0 } {
            let Some(command) = command(stack, ground, Workload(Kind::Noop)) else { break };
            of_stack.extend(launcher.run(command)?.timeline.span(Mark::Begin, Mark::Ready));
        }
    }
    spans.retain(|_, spans| !spans.is_empty());
    Ok(spans)
}

/// The command that runs `workload` in `stack`, which was tried and works.
pub(crate) fn command(stack: Stack, ground: &Ground, workload: Workload) -> Option<Command> {
    stacks::of(stack).command(ground, workload).ok()
}

/// The bar of a run.
pub(crate) fn progress(shown: bool, length: usize) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("  {bar:40} {pos}/{len} launches, {eta} left  {msg}");
    ProgressBar::with_draw_target(Some(length as u64), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// In an emulated machine there is no source tree: the lab that started it says in this variable what it was
/// built from, with [`CHANGED`] behind it if files differed.
pub const COMMIT: &str = "ISOLAB_COMMIT";
/// See [`COMMIT`].
pub const CHANGED: &str = "+changes";

/// The state of the source tree, as git tells it.
pub fn commit() -> Commit {
    if let Ok(told) = std::env::var(COMMIT) {
        let id = told.trim_end_matches(CHANGED).to_owned();
        return Commit { dirty: id.len() < told.len(), id };
    }
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match (git(&["rev-parse", "HEAD"]), git(&["status", "--porcelain"])) {
        (Some(id), Some(changes)) => Commit { id, dirty: !changes.is_empty() },
        _ => Commit { id: "unknown: not built in a git checkout".into(), dirty: true },
    }
}
