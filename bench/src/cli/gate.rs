//! The options of `isolab gate`.

use super::at_least_one;
use super::launches::Launches;
use clap::{Args, ValueEnum};
use isolab_timeline::{Stack, Workload};
use std::path::PathBuf;

/// Is build B slower than build A? Both are launched interleaved, in one run, on this machine.
#[derive(Args, Debug)]
#[command(after_help = "\
A and B: each a folder of built programs (target/programs/x86_64-unknown-linux-gnu/program), or a git revision, which
is checked out and built in a folder of its own; or two samples.json that one gate has written.

Examples:
  isolab gate main HEAD
  isolab gate main HEAD --max-slowdown 2% --runs 400
  isolab gate main HEAD --metric startup,memory,counts --max-growth 10%
  isolab gate --self-check
  isolab gate main HEAD --deterministic --stacks process,container
  isolab gate reports/gate/samples-a.json reports/gate/samples-b.json --max-slowdown 10%

Exit status: 0: pass, B is not slower than allowed; 1: fail, it is; 3: inconclusive, this run cannot tell;
125: isolab failed, or a revision does not build; 126: nothing can be compared here; 130: interrupted.")]
pub(crate) struct Gate {
    /// The build that is held against
    #[arg(value_name = "A", required_unless_present = "self_check")]
    pub(crate) a: Option<String>,
    /// The build that is judged
    #[arg(value_name = "B", required_unless_present = "self_check")]
    pub(crate) b: Option<String>,
    /// Holds this build against itself: what this machine can tell now, and what it cannot
    #[arg(long, conflicts_with_all = ["a", "b"])]
    pub(crate) self_check: bool,
    /// The slowdown that is allowed, of each stack and clock
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    pub(crate) max_slowdown: f64,
    /// The growth of an idle instance's memory that is allowed, of each stack and ruler
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    pub(crate) max_growth: f64,
    /// How many system calls more a launch may make
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) more_calls: u64,
    /// What is gated
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_value = "startup,counts")]
    pub(crate) metric: Vec<Metric>,
    /// In the emulated machine, in virtual time, which has no noise (needs QEMU, a minute or two)
    #[arg(long)]
    pub(crate) deterministic: bool,
    /// The stacks to launch; all but the floors that both builds run here if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(crate) stacks: Vec<Stack>,
    /// Rounds that count; 200 if not given, in the deterministic machine 5
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) runs: Option<usize>,
    /// Rounds that come first and do not count; 10 if not given, in the deterministic machine 1
    #[arg(long, value_name = "N")]
    pub(crate) warmup: Option<usize>,
    /// Instances of each build whose memory is measured, in up to 12 rounds; 100 if not given, 20 of stacks that boot Linux
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) instances: Option<usize>,
    /// The work that every stack does
    #[arg(long, value_name = "'KIND N'", default_value = "noop")]
    pub(crate) workload: Workload,
    #[command(flatten)]
    pub(crate) launches: Launches,
    /// The folder for gate.json, summary.md and the records of both builds; an older gate's is replaced
    #[arg(long, value_name = "DIR", default_value = "reports/gate")]
    pub(crate) out: PathBuf,
    /// Prints gate.json to standard output instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Seed of the order of launches and of the resampling; drawn and recorded if not given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// What is gated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metric {
    /// Times, from the spawn to the workload's begin and to the end of everything
    Startup,
    /// What one more idle instance takes (wants a machine that does nothing else)
    Memory,
    /// System calls of a launch
    Counts,
}

/// A share of at most one: "5%", "0.05".
fn share(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let share = text.strip_suffix('%').map_or_else(|| number(text), |text| Some(number(text)? / 100.0));
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "a share from 0% to 100%, as 5% or 0.05".into())
}
