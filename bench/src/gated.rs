//! `isolab gate`, as the user sees it.

use crate::cli::{Gate, Metric};
use crate::{INTERRUPTED, UNAVAILABLE, fixed_seed, print};
use anyhow::{Context, bail};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use isolab::compare::{Plan, commit};
use isolab::gate::answer::{Allowed, Answer, Named};
use isolab::gate::build::{self, Build, BuildError};
use isolab::gate::recorded::Recorded;
use isolab::gate::run::{self, Measured, Metrics};
use isolab::gate::{machine, words};
use isolab::ground;
use isolab::interrupt::Interrupt;
use isolab::memory::measure;
use isolab::parts::{Part, Parts};
use isolab::programs::Programs;
use isolab::report::folder;
use isolab::samples::SamplesFile;
use isolab_timeline::Stack;
use std::io::{self, IsTerminal};
use std::path::Path;

/// Rounds that count and rounds of warm-up, if not given.
const ROUNDS: (usize, usize) = (200, 10);
/// Rounds of memory: as many that the randomization test can tell for sure with all stacks looked at.
const MEMORY_ROUNDS: usize = 12;
/// In the deterministic machine every round is alike.
const VIRTUAL_ROUNDS: (usize, usize) = (5, 1);

pub(crate) fn perform(options: &Gate) -> anyhow::Result<u8> {
    let interrupt = Interrupt::listen().context("listening for Ctrl-C")?;
    let allowed = Allowed {
        max_slowdown: options.max_slowdown,
        max_growth: options.max_growth,
        more_calls: options.more_calls,
    };
    let names = [&options.a, &options.b].map(|name| name.clone().unwrap_or_else(|| "this build".into()));
    let (measured, judged) = if names.iter().all(|name| Path::new(name).is_file()) {
        recorded(&names)?
    } else {
        launched(options, &names, &interrupt)?
    };
    let [a, b] = &measured.files;
    let recorded = Recorded::of([a, b], [&names[0], &names[1]])?;
    let answer = Answer::of(recorded, &measured.counted, measured.grown.clone(), judged, allowed);

    let json = serde_json::to_vec_pretty(&answer)?;
    let said = if options.self_check { words::noise_floor(&answer) } else { words::sentence(&answer) };
    if options.json {
        print(&[&json[..], b"\n"].concat())?;
    } else {
        print(format!("{}\n{said}\n", words::table(&answer)).as_bytes())?;
    }
    for refusal in &answer.refused {
        eprintln!(
            "isolab: {} cannot be run by {}: {}\n        fix: {}",
            refusal.stack, refusal.build, refusal.reason, refusal.fix
        );
    }
    folder::replace(
        &options.out,
        &[
            ("gate.json", Some(&json)),
            ("summary.md", Some(words::summary(&answer).as_bytes())),
            ("samples-a.json", Some(&a.to_json())),
            ("samples-b.json", Some(&b.to_json())),
        ],
    )?;
    Ok(match answer {
        _ if answer.partial.is_some() => INTERRUPTED,
        _ if answer.is_empty() => UNAVAILABLE,
        // It judges no build; that this machine is noisy is an answer.
        _ if options.self_check => 0,
        _ => answer.verdict.status(),
    })
}

/// Two records of an earlier gate.
fn recorded(names: &[String; 2]) -> anyhow::Result<(Measured, [Named; 2])> {
    let read = |name: &String| SamplesFile::read(Path::new(name));
    let files = [read(&names[0])?, read(&names[1])?];
    let judged =
        [0, 1].map(|which| Named { name: names[which].clone(), commit: files[which].commit.clone() });
    Ok((Measured::launches(files), judged))
}

/// Finds or builds both, and launches them.
fn launched(
    options: &Gate,
    names: &[String; 2],
    interrupt: &Interrupt,
) -> anyhow::Result<(Measured, [Named; 2])> {
    ground::sweep()?;
    let has = |metric| options.metric.contains(&metric);
    let metrics =
        Metrics { startup: has(Metric::Startup), counts: has(Metric::Counts), memory: has(Metric::Memory) };
    if options.deterministic && (!metrics.startup || metrics.memory) {
        bail!("the deterministic machine measures start-up only: leave --deterministic or --metric out");
    }
    let shown = io::stderr().is_terminal();
    let bar = spinner(shown);
    let find = |name: &String| {
        if options.self_check {
            return Ok(Build::of(name, commit(), &Programs::find()?)?);
        }
        Build::find(name, interrupt, &bar).map_err(|error| match error {
            BuildError::Tool(error) => anyhow::Error::from(error),
            other => other.into(),
        })
    };
    let builds = [find(&names[0])?, find(&names[1])?];
    bar.finish_and_clear();
    let revisions = !options.self_check && names.iter().any(|name| !Path::new(name).is_dir());
    if revisions && build::has_changes() {
        eprintln!(
            "isolab: files here differ from what is committed; a revision is gated as it was committed"
        );
    }
    let judged = [Named::from(&builds[0]), Named::from(&builds[1])];
    let plan = plan(options, names, metrics, shown);
    let builds = [&builds[0], &builds[1]];
    let measured = if options.deterministic {
        Measured::launches(machine::run(&plan, builds, interrupt)?)
    } else {
        run::run(&plan, metrics, builds, interrupt)?
    };
    Ok((measured, judged))
}

fn plan(options: &Gate, names: &[String; 2], metrics: Metrics, progress: bool) -> Plan {
    let workload = options.workload;
    let rounds = if options.deterministic { VIRTUAL_ROUNDS } else { ROUNDS };
    let (runs, warmup) = (options.runs.unwrap_or(rounds.0), options.warmup.unwrap_or(rounds.1));
    let seed = fixed_seed(options.seed.or(options.deterministic.then_some(1)));
    // Paths say nothing on another machine; revisions do.
    let what = if options.self_check {
        "--self-check".into()
    } else {
        let word = |name: &String| if Path::new(name).exists() { "FOLDER".into() } else { name.clone() };
        format!("{} {}", word(&names[0]), word(&names[1]))
    };
    let stacks = if options.stacks.is_empty() {
        Stack::ALL.into_iter().filter(|stack| !stack.is_floor()).collect()
    } else {
        options.stacks.clone()
    };
    let memory = measure::Plan { batches: MEMORY_ROUNDS, ..measure::Plan::default() };
    let memory = match options.instances {
        Some(n) => measure::Plan { n, linux_n: n, ..memory },
        None => memory,
    };
    Plan {
        memory,
        command: format!(
            "isolab gate {what}{} --max-slowdown {} --runs {runs} --warmup {warmup}{} --workload '{workload}' --seed \
             {seed}{}",
            metric(options, metrics.memory),
            options.max_slowdown,
            options.launches.words(&options.stacks),
            if options.deterministic { " --deterministic" } else { "" },
        ),
        runs: if metrics.startup { runs } else { 0 },
        warmup: if metrics.startup { warmup } else { 0 },
        workload,
        seed,
        progress,
        ..options.launches.plan(Parts(vec![Part::Startup]), stacks)
    }
}

/// The words that choose what is gated.
fn metric(options: &Gate, memory: bool) -> String {
    let names: Vec<_> = options.metric.iter().filter_map(ValueEnum::to_possible_value).collect();
    let names: Vec<_> = names.iter().map(PossibleValue::get_name).collect();
    let instances = options.instances.map_or(String::new(), |n| format!(" --instances {n}"));
    let more =
        if memory { format!(" --max-growth {}{instances}", options.max_growth) } else { String::new() };
    format!(" --metric {}{more}", names.join(","))
}

fn spinner(shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("  {spinner} {elapsed} {wide_msg}");
    ProgressBar::with_draw_target(None, target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
