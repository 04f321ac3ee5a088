//! `isolab density`, as the user sees it.

use super::at_least_one;
use super::launches::Launches;
use crate::{finish, fixed_seed, ours};
use anyhow::Context;
use clap::Args;
use isolab::compare::{self, Plan};
use isolab::density;
use isolab::interrupt::Interrupt;
use isolab::parts::{Part, Parts};
use isolab_runtime::size::Size;
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use std::path::PathBuf;
use std::time::Duration;

/// How many instances are started at most where neither a budget nor a number was asked for.
const MAX: usize = 500;

#[derive(Args, Debug)]
#[command(after_help = "\
The budget is a fall of MemAvailable; whatever it is, a tenth of the memory stays for others. At a fifth of the way
the rest is foretold, published on standard error, and scored when it was measured.

Examples:
  isolab density
  isolab density --stacks container,unikernel --max 2000
  isolab density --stacks container,container-floor --budget 2g --at-once 4
  isolab density --stacks process --until 5 --burst 0
  isolab density --json | jq '.density.fills[] | {stack, stopped}'")]
pub(crate) struct Density {
    /// The stacks to launch; all that run here if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    stacks: Vec<Stack>,
    /// Stops when so much memory is used: a number with k, m or g
    #[arg(long, value_name = "SIZE")]
    budget: Option<Size>,
    /// Stops when a start takes so many milliseconds (the median of a batch)
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    until: Option<u64>,
    /// Stops at so many instances; 500 if neither this nor another stop is given
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    max: Option<usize>,
    /// How many to start at a time; as many as there are CPUs if not given
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    at_once: Option<usize>,
    /// How many instances a burst starts from nothing, as fast as they go; 0: no bursts
    #[arg(long, value_name = "N", default_value_t = 100)]
    burst: usize,
    /// How many a burst starts at a time; 1, as many as there are CPUs, and all of them if not given
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = at_least_one)]
    levels: Vec<usize>,
    /// How often each burst is made
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = at_least_one)]
    repeat: usize,
    #[command(flatten)]
    launches: Launches,
    /// The report's folder; an older report in it is replaced
    #[arg(long, value_name = "DIR", default_value = "reports/density")]
    out: PathBuf,
    /// Prints samples.json to standard output instead of the tables
    #[arg(long)]
    json: bool,
    /// Seed of the order of bursts and of the bootstrap; drawn and recorded if not given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(crate) fn perform(options: &Density) -> anyhow::Result<u8> {
    let interrupt = Interrupt::listen().context("listening for Ctrl-C")?;
    let file = compare::run(&plan(options), &interrupt)?;
    finish(&file, &options.stacks, options.json, &options.out, &interrupt)
}

fn plan(options: &Density) -> Plan {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let mut levels = options.levels.clone();
    levels.sort_unstable();
    levels.dedup();
    if levels.is_empty() {
        levels = density::levels(cpus, options.burst);
    }
    let unbounded = options.budget.is_none() && options.until.is_none();
    let max = options.max.or(unbounded.then_some(MAX));
    let seed = fixed_seed(options.seed);
    let at_once = options.at_once.unwrap_or(cpus);
    Plan {
        command: command_line(options, &levels, max, at_once, seed),
        workload: Workload(Kind::Wait),
        seed,
        density: density::Plan {
            budget: options.budget.map(|Size(bytes)| bytes),
            until: options.until.map(Duration::from_millis),
            max,
            linux_max: None,
            at_once,
            burst: options.burst,
            levels,
            repeat: options.repeat,
        },
        ..options.launches.plan(Parts(vec![Part::Density]), ours(&options.stacks))
    }
}

/// The command that makes the run again, from the options' own values.
fn command_line(
    options: &Density,
    levels: &[usize],
    max: Option<usize>,
    at_once: usize,
    seed: u64,
) -> String {
    let listed = |values: Vec<String>| values.join(",");
    let values = [
        ("budget", options.budget.map(|Size(bytes)| bytes.to_string())),
        ("until", options.until.map(|until| until.to_string())),
        ("max", max.map(|max| max.to_string())),
        ("at-once", Some(at_once.to_string())),
        ("burst", Some(options.burst.to_string())),
        ("levels", Some(listed(levels.iter().map(ToString::to_string).collect()))),
        ("repeat", Some(options.repeat.to_string())),
        ("seed", Some(seed.to_string())),
    ];
    let given = values.into_iter().filter_map(|(option, value)| Some(format!("--{option} {}", value?)));
    std::iter::once(format!("isolab density{}", options.launches.words(&options.stacks)))
        .chain(given)
        .collect::<Vec<_>>()
        .join(" ")
}
