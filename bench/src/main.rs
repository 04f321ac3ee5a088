//! `isolab`: the lab's program. See the library for how.

mod cli;
mod emulated;
mod gated;
mod kernels;

use anyhow::Context;
use clap::Parser;
use cli::{Cli, Compare, Export, HandOver, Run};
use comfy_table::{Table, TableStyle};
use isolab::compare::{self, Plan};
use isolab::density::figures::Figures;
use isolab::density::section::Density;
use isolab::density::{self, NoRoom};
use isolab::doctor::{self, Diagnosis};
use isolab::export::{self, Exported};
use isolab::ground;
use isolab::host::clock::Clock;
use isolab::interrupt::Interrupt;
use isolab::ladder::{self, figures::Steps};
use isolab::memory::measure;
use isolab::microvm::{self, Guest};
use isolab::parts::Parts;
use isolab::peers::Found;
use isolab::programs::Programs;
use isolab::samples::{SamplesFile, Unavailable};
use isolab::stats::Summary;
use isolab::tax::{self, figures::Prices};
use isolab::{kernel, memory, report, table};
use isolab_microvm::pack::start::Start;
use isolab_timeline::{Peer, Stack};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Some launch failed or could not be measured.
const INVALID: u8 = 1;
const FAILED: u8 = 125;
const UNAVAILABLE: u8 = 126;
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        // Usage errors are isolab's own failure; --help is none.
        let _ = error.print();
        std::process::exit(if error.use_stderr() { FAILED.into() } else { 0 })
    });
    match perform(cli) {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("isolab: {error:#}");
            match error.downcast_ref() {
                Some(kernel::error::Error::Unavailable { .. }) => UNAVAILABLE.into(),
                Some(kernel::error::Error::Interrupted) => INTERRUPTED.into(),
                _ if error.is::<NoRoom>() => UNAVAILABLE.into(),
                _ => emulated::status_of(&error).into(),
            }
        }
    }
}

fn perform(cli: Cli) -> anyhow::Result<u8> {
    match cli.command.unwrap_or_else(quick) {
        cli::Command::Doctor { json } => print_diagnosis(json),
        cli::Command::Compare(options) => compare(options),
        cli::Command::Memory(options) => cli::memory::perform(&options),
        cli::Command::Density(options) => cli::density::perform(&options),
        cli::Command::Ladder(options) => cli::ladder::perform(options),
        cli::Command::Tax(options) => cli::tax::perform(options),
        cli::Command::Report(options) => cli::report::perform(options),
        cli::Command::Gate(options) => gated::perform(&options),
        cli::Command::Export(options) => export(&options),
        cli::Command::Run(Run::Microvm(options)) => run_microvm(*options),
        cli::Command::Run(Run::HandOver(stack)) => hand_over(&stack),
        cli::Command::Kernel(command) => kernels::perform(command),
        cli::Command::Emulate(options) => emulated::perform(options),
        cli::Command::Clean { json } => clean(json),
    }
}

/// What bare `isolab` does: the default comparison, through the same options as any other.
fn quick() -> cli::Command {
    Cli::parse_from(["isolab", "compare"]).command.expect("a command was given")
}

fn compare(options: Compare) -> anyhow::Result<u8> {
    let interrupt = Interrupt::listen().context("listening for Ctrl-C")?;
    let named = options.named_peers.iter().map(|(peer, _)| Stack::Peer(*peer));
    let asked_for: Vec<_> = options.stacks.iter().copied().chain(named).collect();
    let seed = fixed_seed(options.seed);
    let command = command_line(&options, seed);
    let plan =
        options.launches.plan(options.parts, stacks(&options.stacks, options.peers, &options.named_peers));
    let plan = if options.quick { plan.quick() } else { plan };
    let plan = Plan {
        command,
        peers: Found(
            options.named_peers.into_iter().filter_map(|(peer, path)| Some((peer, path?))).collect(),
        ),
        runs: options.runs.unwrap_or(plan.runs),
        warmup: options.warmup,
        memory: measure::Plan {
            n: options.instances,
            linux_n: options.instances.min(plan.memory.linux_n),
            ..plan.memory
        },
        workload: options.workload,
        seed,
        ..plan
    };
    let file = compare::run(&plan, &interrupt)?;
    finish(&file, &asked_for, options.json, &options.out, &interrupt)
}

/// A table for each part that has one.
fn tables(file: &SamplesFile) -> String {
    let mut tables = Vec::new();
    if !file.samples.is_empty() {
        tables.push(table::render(&Summary::of(file)));
    }
    if let Some(memory) = &file.memory {
        tables.push(memory::table::render(memory));
    }
    if let Some(density) = &file.density {
        tables.push(density::table::render(&Figures::of(density, &file.host, file.seed), &file.host));
    }
    if let Some(ladder) = &file.ladder {
        tables.push(ladder::table::render(&Steps::of(ladder, &file.host, file.seed), file.host.clock));
    }
    if let Some(tax) = &file.tax {
        tables.push(tax::table::render(&Prices::of(tax, &file.host, file.seed), file.host.clock));
    }
    tables.join("\n")
}

/// The seed that was asked for, or one that is drawn; where nothing differs from run to run, the order does not either.
fn fixed_seed(asked: Option<u64>) -> u64 {
    let fixed = (Clock::here() == Clock::VirtualIcount).then_some(1);
    asked.or(fixed).unwrap_or_else(|| fastrand::u64(..1_000_000_000))
}

/// Shows what a run measured, as its tables or as JSON, and writes its report to `out`. Returns the exit status.
fn finish(
    file: &SamplesFile,
    asked_for: &[Stack],
    json: bool,
    out: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<u8> {
    // The table first: it is seen even where the report cannot be written.
    if json {
        print(&file.to_json())?;
    } else {
        print(format!("{}\n", tables(file)).as_bytes())?;
    }
    let status = tell(file, asked_for, interrupt);
    report::write(out, file)?;
    if !json {
        let folder = out.display();
        print(format!("The report is in {folder}: open {folder}/report.html\n").as_bytes())?;
    }
    Ok(status)
}

/// Our own stacks that were named, or all.
fn ours(named: &[Stack]) -> Vec<Stack> {
    if named.is_empty() { Stack::ALL.to_vec() } else { named.to_vec() }
}

/// What is launched: our own, and then the peers.
fn stacks(named: &[Stack], all: bool, peers: &[(Peer, Option<PathBuf>)]) -> Vec<Stack> {
    let all = Peer::ALL.into_iter().filter(|_| all);
    let peers = peers.iter().map(|(peer, _)| *peer).chain(all).map(Stack::Peer);
    let mut stacks: Vec<_> = ours(named).into_iter().chain(peers).collect();
    stacks.sort_unstable();
    stacks.dedup();
    stacks
}

fn export(options: &Export) -> anyhow::Result<u8> {
    let exported = export::export(&SamplesFile::read(&options.samples)?, options.to);
    match (&options.out, &exported) {
        (Some(path), _) => export::write(&exported, path)?,
        (None, Exported::Text(text)) => print(text)?,
        (None, Exported::Files(_)) => anyhow::bail!("a folder cannot be printed: add --out DIR"),
    }
    Ok(0)
}

/// The command that makes the run again, from the options' own values.
fn command_line(options: &Compare, seed: u64) -> String {
    let peers: Vec<_> = options.named_peers.iter().map(|(peer, _)| format!(" --peer {peer}")).collect();
    let peers = peers.concat() + if options.peers { " --peers" } else { "" };
    let Compare { parts, runs, instances, warmup, workload, launches, .. } = options;
    let chosen = launches.words(&options.stacks);
    let parts = if *parts == Parts::default() { String::new() } else { format!(" --parts {parts}") };
    let quick = if options.quick { " --quick" } else { "" };
    let runs = runs.map_or(String::new(), |runs| format!(" --runs {runs}"));
    format!(
        "isolab compare{parts}{quick}{chosen}{peers}{runs} --instances {instances} --warmup {warmup} --workload '{workload}' --seed {seed}"
    )
}

/// Says on standard error what is not as it should be, and gives the exit status that follows from it.
fn tell(file: &SamplesFile, asked_for: &[Stack], interrupt: &Interrupt) -> u8 {
    for stack in &file.unavailable {
        eprintln!(
            "isolab: {} cannot be measured here: {}\n        fix: {}",
            stack.stack, stack.reason, stack.fix
        );
    }
    let invalid: Vec<_> = file.why_invalid().collect();
    if let [(stack, reason), ..] = invalid[..] {
        eprintln!("isolab: {} launches do not count; the first, of {stack}: {reason}", invalid.len());
    }
    let memory = file.memory.iter().flat_map(memory::Section::complaints);
    let density = file.density.iter().flat_map(Density::wrong);
    let mut wrong = false;
    for (stack, why) in memory.chain(density) {
        eprintln!("isolab: the fleet of {stack}: {why}");
        wrong = true;
    }
    if let Some(why) = &file.partial {
        eprintln!("isolab: the run is partial: {why}");
    }
    match file {
        SamplesFile { partial: Some(_), .. } if interrupt.came() => INTERRUPTED,
        SamplesFile { partial: Some(_), .. } => INVALID,
        _ if !invalid.is_empty() || wrong => INVALID,
        SamplesFile { unavailable, .. } if unavailable.iter().any(|why| asked_for.contains(&why.stack)) => {
            UNAVAILABLE
        }
        _ if file.is_empty() => UNAVAILABLE,
        _ => 0,
    }
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no failure.
fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        _ => Ok(()),
    }
}

/// Becomes the program that runs the stack, so that signals, terminal and exit status are its own.
fn hand_over(stack: &HandOver) -> anyhow::Result<u8> {
    let programs = Programs::find()?;
    // As they were typed, behind `isolab run STACK`: the parser would swallow the first `--`.
    let typed = std::env::args_os().skip(3);
    let (program, mut words) = match stack {
        HandOver::Process(_) => (&programs.workload, Vec::new()),
        HandOver::Container(_) => (&programs.runtime, vec![OsString::from("contain")]),
        HandOver::Unikernel(_) => {
            (&programs.microvm, vec!["run".into(), "--image".into(), programs.unikernel.clone().into()])
        }
    };
    // The bare workload has no options, so it knows no `--` either.
    let mark = matches!(stack, HandOver::Process(_)).then_some("--");
    words.extend(typed.skip_while(|word| mark.is_some_and(|mark| word == mark)));
    let error = std::process::Command::new(program).args(words).exec();
    Err(error).with_context(|| format!("starting {}", program.display()))
}

/// Packs the guest and becomes the VMM.
fn run_microvm(options: cli::Microvm) -> anyhow::Result<u8> {
    let guest = Guest {
        rootfs: options.rootfs,
        kernel: options.kernel,
        memory_mib: options.memory,
        cpus: options.cpus,
        drives: options.drive,
        networks: options.net,
        start: Start {
            terminal: io::stdin().is_terminal(),
            hostname: options.hostname.into(),
            user: options.user,
            workdir: options.workdir,
            environment: options.env.into_iter().map(Into::into).collect(),
            command: options.command,
            ..Start::default()
        },
    };
    let (mut command, _archive) = microvm::command(&Programs::find()?, &guest)?;
    let error = command.exec();
    Err(error).with_context(|| format!("starting {}", command.get_program().display()))
}

fn clean(json: bool) -> anyhow::Result<u8> {
    let swept = ground::sweep()?;
    if json {
        let left: Vec<_> =
            swept.left.iter().map(|(path, why)| serde_json::json!({"path": path, "why": why})).collect();
        print(format!("{}\n", serde_json::json!({"removed": swept.removed, "left": left})).as_bytes())?;
    } else {
        let lines: Vec<_> =
            swept.removed.iter().map(|path| format!("removed {}\n", path.display())).collect();
        print(lines.concat().as_bytes())?;
    }
    for (path, why) in &swept.left {
        eprintln!("isolab: removing {}: {why}", path.display());
    }
    Ok(if swept.left.is_empty() { 0 } else { FAILED })
}

fn print_diagnosis(json: bool) -> anyhow::Result<u8> {
    let diagnosis = doctor::examine()?;
    if json {
        print(format!("{}\n", serde_json::to_string_pretty(&diagnosis)?).as_bytes())?;
    } else {
        print(in_words(&diagnosis).as_bytes())?;
    }
    Ok(0)
}

fn in_words(diagnosis: &Diagnosis) -> String {
    let Diagnosis { host, checks, available, unavailable, peers, missing_peers } = diagnosis;
    let sheet = |rows: Vec<Vec<String>>| {
        let mut table = Table::new();
        table.load_style(TableStyle::new()).set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
        table.set_width(100).add_rows(rows);
        table.lines().map(|line| line.trim_end().to_owned() + "\n").collect::<String>()
    };
    let tick = |good| match good {
        Some(true) => "ok",
        Some(false) => "no",
        None => "",
    };
    let mut text = String::from("This machine\n");
    text += &sheet(host.rows().into_iter().map(|(what, value)| vec![what.into(), value]).collect());
    text += "\nWhat it can do\n";
    text += &sheet(
        checks
            .iter()
            .map(|check| {
                let fix = check.fix.as_ref().map_or(String::new(), |fix| format!("\nfix: {fix}"));
                vec![tick(check.good).into(), check.what.clone(), format!("{}{fix}", check.found)]
            })
            .collect(),
    );
    text += "\nStacks\n";
    let runs = available.iter().map(|stack| vec!["ok".into(), stack.to_string(), "runs here".into()]);
    let not = |why: &Unavailable| {
        vec!["no".into(), why.stack.to_string(), format!("{}\nfix: {}", why.reason, why.fix)]
    };
    text += &sheet(runs.chain(unavailable.iter().map(not)).collect());
    text += "\nPeers, for `compare --peers`\n";
    let here = peers.iter().map(|(peer, version)| vec!["ok".into(), peer.to_string(), version.clone()]);
    text + &sheet(here.chain(missing_peers.iter().map(not)).collect())
}
