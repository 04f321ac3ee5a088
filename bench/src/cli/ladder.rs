//! `isolab ladder`, as the user sees it.

use super::at_least_one;
use super::launches::Launches;
use crate::{finish, fixed_seed};
use anyhow::Context;
use clap::Args;
use isolab::compare::{self, Plan};
use isolab::interrupt::Interrupt;
use isolab::ladder::{Extent, Rung};
use isolab::parts::{Part, Parts};
use isolab::tax::Rounds;
use std::path::PathBuf;

#[derive(Args, Debug)]
#[command(after_help = "\
Rungs: from a bare process over each namespace, the root, a cgroup, masks, capabilities and seccomp to a container; and
over a VM, its memory, its vCPU and its first exit to a unikernel, a Linux guest and a container in that.
docs/ladder.md says what each is.

Examples:
  isolab ladder
  isolab ladder --runs 400 --out ladder
  isolab ladder --all --json | jq '.ladder.absent'
  isolab emulate --deterministic --out virtual -- ladder --runs 1 --warmup 0")]
pub(crate) struct Ladder {
    /// Counted launches of each rung
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one)]
    runs: usize,
    /// Launches of each rung that come first and do not count
    #[arg(long, value_name = "N", default_value_t = 2)]
    warmup: usize,
    /// Adds other ways to do the same (a bind-mounted root, a cgroup joined as engines do), and a virtio device
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    launches: Launches,
    /// The report's folder; an older report in it is replaced
    #[arg(long, value_name = "DIR", default_value = "reports/ladder")]
    out: PathBuf,
    /// Prints samples.json to standard output instead of the table
    #[arg(long)]
    json: bool,
    /// Seed of the order of launches and of the bootstrap; drawn and recorded if not given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(crate) fn perform(options: Ladder) -> anyhow::Result<u8> {
    let Ladder { runs, warmup, all, launches, out, json, seed } = options;
    let interrupt = Interrupt::listen().context("listening for Ctrl-C")?;
    let seed = fixed_seed(seed);
    let (words, more) = (launches.words(&[]), if all { " --all" } else { "" });
    let stacks = Rung::ALL.into_iter().filter_map(Rung::stack).collect();
    let plan = Plan {
        command: format!("isolab ladder{more}{words} --runs {runs} --warmup {warmup} --seed {seed}"),
        ladder: Extent { rounds: Rounds { warmup, counted: runs }, all },
        warmup,
        seed,
        ..launches.plan(Parts(vec![Part::Ladder]), stacks)
    };
    let file = compare::run(&plan, &interrupt)?;
    finish(&file, &[], json, &out, &interrupt)
}
