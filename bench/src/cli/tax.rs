//! `isolab tax`, as the user sees it.

use super::at_least_one;
use crate::{finish, fixed_seed, tables};
use anyhow::Context;
use clap::Args;
use isolab::compare::{self, Plan};
use isolab::interrupt::Interrupt;
use isolab::parts::{Part, Parts};
use isolab::peers::Found;
use isolab::tax::Rounds;
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args, Debug)]
#[command(after_help = "\
Work: integers, system calls, switches over a pipe, page faults, file reads, first touch of memory, exits to the VMM;
each in two sizes, whose difference is the price of one operation.

Examples:
  isolab tax
  isolab tax --stacks process,container --runs 50 --out tax
  isolab tax --json | jq '.tax.launches | length'
  isolab emulate --deterministic --out virtual -- tax --runs 1 --warmup 0")]
pub(crate) struct Tax {
    /// The stacks to work in; all that run here, floors left out, if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    stacks: Vec<Stack>,
    /// Counted rounds: each launches all work of every stack in both sizes
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least_one)]
    runs: usize,
    /// Rounds that come first and do not count
    #[arg(long, value_name = "N", default_value_t = 1)]
    warmup: usize,
    /// Memory of a VM, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 128)]
    memory: u32,
    /// The kernel of Linux guests: its name in `isolab kernel list`, or the path of its image (with a slash); the
    /// small one or the distribution's if not given
    #[arg(long, value_name = "NAME|PATH")]
    kernel: Option<PathBuf>,
    /// The report's folder; an older report in it is replaced
    #[arg(long, value_name = "DIR", default_value = "reports/tax")]
    out: PathBuf,
    /// Prints samples.json to standard output instead of the table
    #[arg(long)]
    json: bool,
    /// Seed of the order of launches and of the bootstrap; drawn and recorded if not given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Seconds after which a launch is killed and counts as failed
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    limit: u64,
}

pub(crate) fn perform(options: Tax) -> anyhow::Result<u8> {
    let Tax { stacks, runs, warmup, memory, kernel, out, json, seed, limit } = options;
    let interrupt = Interrupt::listen().context("listening for Ctrl-C")?;
    let asked_for = stacks.clone();
    let seed = fixed_seed(seed);
    let named: Vec<_> = stacks.iter().map(|stack| stack.name()).collect();
    let named = if named.is_empty() { String::new() } else { format!(" --stacks {}", named.join(",")) };
    let plan = Plan {
        command: format!("isolab tax{named} --runs {runs} --warmup {warmup} --memory {memory} --seed {seed}"),
        kernel,
        stacks: if stacks.is_empty() {
            Stack::ALL.into_iter().filter(|stack| !stack.is_floor()).collect()
        } else {
            stacks
        },
        peers: Found::default(),
        parts: Parts(vec![Part::Tax]),
        runs: 0,
        warmup: 0,
        rounds: Rounds { warmup, counted: runs },
        // What each stack is tried with.
        workload: Workload(Kind::Noop),
        memory_mib: memory,
        seed,
        limit: Duration::from_secs(limit),
        progress: io::stderr().is_terminal(),
    };
    let file = compare::run(&plan, &interrupt)?;
    finish(&file, &tables(&file), &asked_for, json, &out)
}
