//! `isolab memory`: the ledger, from the command line to the report.

use crate::cli::Memory;
use crate::{finish, tables};
use anyhow::Context;
use isolab::compare::{self, Part};
use isolab::interrupt::Interrupt;
use isolab::memory::measure::{self, BATCHES};
use isolab_timeline::Stack;
use std::io::{self, IsTerminal};
use std::time::Duration;

pub(crate) fn perform(options: Memory) -> anyhow::Result<u8> {
    let interrupt = Interrupt::listen().context("listening for Ctrl-C")?;
    let asked_for = !options.stacks.is_empty();
    let plan = compare::Plan {
        command: command_line(&options),
        kernel: options.kernel,
        stacks: if asked_for { options.stacks } else { Stack::ALL.to_vec() },
        parts: vec![Part::Memory],
        fleets: measure::Plan {
            n: options.n,
            linux_n: options.n,
            batches: BATCHES,
            workload: options.workload,
            limit: Duration::from_secs(options.limit),
        },
        runs: 0,
        warmup: 0,
        workload: options.workload,
        memory_mib: options.mib,
        // Nothing is drawn.
        seed: 1,
        limit: Duration::from_secs(options.limit),
        progress: io::stderr().is_terminal(),
    };
    let file = compare::run(&plan, &interrupt)?;
    finish(&file, &tables(&file), asked_for, options.json, &options.out)
}

/// The command that makes the run again, from the options' own values.
fn command_line(options: &Memory) -> String {
    let Memory { n, workload, mib, .. } = options;
    let chosen = crate::chosen(&options.stacks, options.kernel.as_deref());
    format!("isolab memory{chosen} --n {n} --workload '{workload}' --memory {mib}")
}
