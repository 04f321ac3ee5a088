//! `isolab memory`, as the user sees it.

use super::at_least_one;
use super::launches::Launches;
use crate::{finish, ours};
use anyhow::Context;
use clap::Args;
use isolab::compare::{self, Plan};
use isolab::interrupt::Interrupt;
use isolab::memory::measure;
use isolab::parts::{Part, Parts};
use isolab_timeline::{Stack, Workload};
use std::path::PathBuf;

/// What one more idle instance of each stack costs: a ledger whose lines add up to the fall of `MemAvailable`.
///
/// Run it on a machine that does nothing else: half of the counters are the whole machine's.
#[derive(Args, Debug)]
#[command(after_help = "\
Workloads: wait, touch MIB: those that hold

Examples:
  isolab memory
  isolab memory --stacks container,container-floor --n 500 --out /tmp/containers
  isolab memory --stacks process,unikernel --workload 'touch 64' --n 10
  isolab memory --json | jq '.memory.fleets[] | {stack, points: .points | length}'")]
pub(crate) struct Memory {
    /// The stacks to measure; all that run here if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    stacks: Vec<Stack>,
    /// Instances of each stack; under 100, batches of charges can hide or pass for an instance
    #[arg(long, short, value_name = "N", default_value_t = 100, value_parser = at_least_one)]
    n: usize,
    /// The work at which they hold
    #[arg(long, value_name = "'KIND N'", default_value = "wait", value_parser = holding)]
    workload: Workload,
    #[command(flatten)]
    launches: Launches,
    /// The report's folder; an older report in it is replaced
    #[arg(long, value_name = "DIR", default_value = "reports/memory")]
    out: PathBuf,
    /// Prints samples.json to standard output instead of the table
    #[arg(long)]
    json: bool,
}

pub(crate) fn perform(options: &Memory) -> anyhow::Result<u8> {
    let interrupt = Interrupt::listen().context("listening for Ctrl-C")?;
    let plan = Plan {
        command: command_line(options),
        memory: measure::Plan {
            n: options.n,
            linux_n: options.n,
            workload: options.workload,
            ..measure::Plan::default()
        },
        workload: options.workload,
        ..options.launches.plan(Parts(vec![Part::Memory]), ours(&options.stacks))
    };
    let file = compare::run(&plan, &interrupt)?;
    finish(&file, &options.stacks, options.json, &options.out, &interrupt)
}

/// The command that makes the run again, from the options' own values.
fn command_line(options: &Memory) -> String {
    let Memory { n, workload, .. } = options;
    format!("isolab memory{} --n {n} --workload '{workload}'", options.launches.words(&options.stacks))
}

fn holding(text: &str) -> Result<Workload, String> {
    let workload: Workload = text.parse().map_err(|error| format!("{error}"))?;
    if workload.0.holds() { Ok(workload) } else { Err("it ends at once: choose wait or touch MIB".into()) }
}
