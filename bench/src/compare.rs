//! `isolab compare`: all stacks in one run, by one ruler or several ([`crate::parts`]); here is the first, their start-up.

use crate::ground::{self, Ground};
use crate::host::Host;
use crate::instance::{Agreed, Launcher};
use crate::interrupt::Interrupt;
use crate::memory::measure::FEWEST_BATCHES;
use crate::parts::{Part, Parts};
use crate::peers::{Found, Record};
use crate::placement::Placement;
use crate::programs::Programs;
use crate::samples::{Commit, SCHEMA_VERSION, SamplesFile, Unavailable};
use crate::schedule::{self, Turn};
use crate::{counts, density, ladder, memory, sandbox, stacks, tax};
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
    /// What is measured.
    pub parts: Parts,
    /// The stacks to launch.
    pub stacks: Vec<Stack>,
    /// Where the peers among them are, as far as the user has said.
    pub peers: Found,
    /// Counted launches of each, for its start-up.
    pub runs: usize,
    /// Rounds of the tax.
    pub rounds: tax::Rounds,
    /// How often each rung of the ladder is launched.
    pub ladder: ladder::Extent,
    /// The fleets that are read for the memory ledger.
    pub memory: memory::measure::Plan,
    /// How far density goes.
    pub density: density::Plan,
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

impl Plan {
    /// A plan of these parts and stacks, which goes as far in each part as it takes for a first answer.
    pub fn new(parts: Parts, stacks: Vec<Stack>) -> Plan {
        Plan {
            parts,
            stacks,
            peers: Found::default(),
            runs: 200,
            rounds: tax::Rounds { warmup: 1, counted: 20 },
            ladder: ladder::Extent { rounds: tax::Rounds { warmup: 2, counted: 100 }, all: false },
            memory: memory::measure::Plan::default(),
            density: density::Plan::some(100),
            warmup: 10,
            workload: Workload(Kind::Noop),
            memory_mib: 128,
            kernel: None,
            seed: 1,
            limit: Duration::from_secs(60),
            command: String::new(),
            progress: false,
        }
    }

    /// The same with fewer launches: wider intervals, sooner.
    #[must_use]
    pub fn quick(self) -> Plan {
        let rounds = tax::Rounds { counted: 6, ..self.rounds };
        let memory = memory::measure::Plan { batches: FEWEST_BATCHES, ..self.memory };
        let ladder = ladder::Extent { rounds: tax::Rounds { warmup: 1, counted: 20 }, ..self.ladder };
        Plan {
            runs: 40,
            rounds,
            ladder,
            memory,
            density: density::Plan { repeat: 1, ..density::Plan::some(40) },
            ..self
        }
    }
}

/// How many launches of nothing-to-do, at most as many as of the work, tell what a mark costs where that does not.
const PROBES: usize = 20;

/// Before each launch the lab pauses for a random time up to this. Launches one right after the other, or
/// at a fixed pace, fall into step with the kernel's timer tick and all meet it, or all miss it.
pub const PAUSE: Duration = Duration::from_millis(4);

/// What every part of a run stands on.
#[derive(Debug)]
pub struct Prepared {
    /// The root folder and its company.
    pub ground: Ground,
    /// What launches.
    pub launcher: Launcher,
    /// The stacks that were asked for and work here.
    pub stacks: Vec<Stack>,
    /// The run's circumstances, with nothing measured yet.
    pub file: SamplesFile,
}

/// Lays the ground, looks at the host, and tries each stack that the plan asks for.
pub fn prepare(plan: &Plan) -> anyhow::Result<Prepared> {
    ground::sweep()?;
    let mut ground = Ground::lay(Programs::find()?, plan.memory_mib, plan.kernel.clone())?;
    ground.peers = plan.peers.clone();
    let placement = Placement::choose()?;
    let host = Host::read(ground.limits());
    let launcher = Launcher::new(placement, plan.limit)?;
    let (stacks, unavailable) = tried(plan, &ground, &launcher);
    let guest = stacks.iter().any(|stack| stack.boots_linux()).then(|| guest(&ground)).flatten();
    let peers = records(plan, &stacks, &ground);
    let file = SamplesFile { guest, peers, unavailable, ..record(plan, host, commit(), placement) };
    Ok(Prepared { ground, launcher, stacks, file })
}

/// The record of a run in which nothing was measured yet.
pub(crate) fn record(plan: &Plan, host: Host, commit: Commit, placement: Placement) -> SamplesFile {
    SamplesFile {
        schema_version: SCHEMA_VERSION,
        host,
        commit,
        command: plan.command.clone(),
        seed: plan.seed,
        warmup: plan.warmup,
        placement: placement.rule(),
        guest: None,
        probe_ns: BTreeMap::new(),
        peers: BTreeMap::new(),
        unavailable: Vec::new(),
        partial: None,
        samples: Vec::new(),
        counts: None,
        memory: None,
        density: None,
        tax: None,
        ladder: None,
    }
}

/// Measures everything that the plan asks for and this host can do.
pub fn run(plan: &Plan, interrupt: &Interrupt) -> anyhow::Result<SamplesFile> {
    let Prepared { ground, launcher, stacks, mut file } = prepare(plan)?;
    if plan.parts.has(Part::Counts) {
        count(plan, &stacks, &ground, &launcher, interrupt, &mut file);
    }
    if plan.parts.has(Part::Startup) && file.partial.is_none() {
        measure(plan, &stacks, &ground, &launcher, interrupt, &mut file)?;
    }
    if plan.parts.has(Part::Ladder) && file.partial.is_none() {
        let (ladder, partial) = ladder::take(plan, &stacks, &ground, &launcher, interrupt)?;
        (file.ladder, file.partial) = (Some(ladder), partial);
    }
    if plan.parts.has(Part::Tax) && file.partial.is_none() {
        let (tax, partial) = tax::take(plan, &stacks, &ground, &launcher, interrupt)?;
        (file.tax, file.partial) = (Some(tax), partial);
    }
    // No peer is held: an engine's daemon would have to be asked to let go.
    let ours: Vec<_> = stacks.iter().copied().filter(|stack| !stack.is_peer()).collect();
    if plan.parts.has(Part::Memory) && file.partial.is_none() {
        let measured = memory::measure::record(&mut file, &ours, &ground, plan, interrupt);
        keep(&mut file, measured)?;
    }
    if plan.parts.has(Part::Density) && file.partial.is_none() {
        let measured = density::measure(plan, &ground, &ours, interrupt, &mut file);
        keep(&mut file, measured)?;
    }
    Ok(file)
}

/// A part that failed is an error where it is all that there is; else what was measured before it is kept.
fn keep(file: &mut SamplesFile, measured: anyhow::Result<()>) -> anyhow::Result<()> {
    match measured {
        Err(error) if !file.is_empty() => file.partial = Some(format!("{error:#}")),
        whole => return whole,
    }
    Ok(())
}

fn count(
    plan: &Plan,
    stacks: &[Stack],
    ground: &Ground,
    launcher: &Launcher,
    interrupt: &Interrupt,
    file: &mut SamplesFile,
) {
    let bar = progress(plan.progress, counts::launches(stacks), "launches");
    let counted = counts::take(stacks, plan.workload, ground, launcher, interrupt, |stack| {
        bar.set_message(format!("counting {stack}"));
        bar.inc(1);
    });
    bar.finish_and_clear();
    file.counts = Some(counted);
    file.partial = interrupt.came().then(|| "it was interrupted while it counted".into());
}

/// The kernel of Linux guests, in words.
fn guest(ground: &Ground) -> Option<String> {
    ground.kernel().ok().map(|kernel| kernel.words.clone())
}

/// Which peers these are.
fn records(plan: &Plan, stacks: &[Stack], ground: &Ground) -> BTreeMap<Stack, Record> {
    let record = |&stack: &Stack| {
        let Stack::Peer(peer) = stack else { return None };
        Some((stack, Record::of(peer, ground, plan.workload).ok()?))
    };
    stacks.iter().filter_map(record).collect()
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
    let bar = progress(plan.progress, turns.len(), "launches");
    let mut agreed = Agreed::on(plan.workload);
    let mut random = fastrand::Rng::with_seed(plan.seed);
    for (order, Turn { stack, warmup }) in turns.iter().copied().enumerate() {
        std::thread::sleep(PAUSE.mul_f64(random.f64()));
        let Some(command) = command(stack, ground, plan.workload) else { continue };
        bar.set_message(stack.name());
        let mut launch = sandbox::launch(stacks::of(stack), command, ground, launcher)?;
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
            let launch = sandbox::launch(stacks::of(stack), command, ground, launcher)?;
            of_stack.extend(launch.timeline.span(Mark::Begin, Mark::Ready));
        }
    }
    spans.retain(|_, spans| !spans.is_empty());
    Ok(spans)
}

/// The command that runs `workload` in `stack`, which was tried and works.
pub(crate) fn command(stack: Stack, ground: &Ground, workload: Workload) -> Option<Command> {
    stacks::of(stack).command(ground, workload).ok()
}

/// A bar of so many steps, of which `what` says what they are; on standard error, or nowhere.
pub fn progress(shown: bool, length: usize, what: &str) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style =
        ProgressStyle::with_template(&format!("  {{bar:40}} {{pos}}/{{len}} {what}, {{eta}} left  {{msg}}"));
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
