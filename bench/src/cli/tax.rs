//! `isolab tax`, as the user sees it.

use super::at_least_one;
use super::launches::Launches;
use crate::{finish, fixed_seed};
use anyhow::Context;
use clap::Args;
use isolab::compare::{self, Plan};
use isolab::interrupt::Interrupt;
use isolab::parts::{Part, Parts};
use isolab::tax::Rounds;
use isolab_timeline::Stack;
use std::path::PathBuf;

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
    #[command(flatten)]
    launches: Launches,
    /// The report's folder; an older report in it is replaced
    #[arg(long, value_name = "DIR", default_value = "reports/tax")]
    out: PathBuf,
    /// Prints samples.json to standard output instead of the table
    #[arg(long)]
    json: bool,
    /// Seed of the order of launches and of the bootstrap; drawn and recorded if not given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(crate) fn perform(options: Tax) -> anyhow::Result<u8> {
    let Tax { stacks, runs, warmup, launches, out, json, seed } = options;
    let interrupt = Interrupt::listen().context("listening for Ctrl-C")?;
    let asked_for = stacks.clone();
    let seed = fixed_seed(seed);
    let chosen = launches.words(&stacks);
    let without_floors = || Stack::ALL.into_iter().filter(|stack| !stack.is_floor()).collect();
    let stacks = if asked_for.is_empty() { without_floors() } else { stacks };
    let plan = Plan {
        command: format!("isolab tax{chosen} --runs {runs} --warmup {warmup} --seed {seed}"),
        rounds: Rounds { warmup, counted: runs },
        seed,
        ..launches.plan(Parts(vec![Part::Tax]), stacks)
    };
    let file = compare::run(&plan, &interrupt)?;
    finish(&file, &asked_for, json, &out, &interrupt)
}
