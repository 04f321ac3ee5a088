//! `isolab memory`: the ledger, from the command line to the report.

use crate::cli::Memory;
use crate::{print, tell};
use anyhow::Context;
use isolab::compare::{self, Begun};
use isolab::interrupt::Interrupt;
use isolab::memory::{Ledger, measure, table};
use isolab::report;
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
        runs: 0,
        warmup: 0,
        workload: options.workload,
        memory_mib: options.memory,
        // Nothing is drawn.
        seed: 1,
        limit: Duration::from_secs(options.limit),
        progress: io::stderr().is_terminal(),
    };
    let Begun { ground, stacks, mut file, .. } = compare::begin(&plan)?;
    let bar = compare::progress(plan.progress, measure::steps(stacks.len(), options.n), "batches");
    let of = measure::Plan { n: options.n, workload: plan.workload, limit: plan.limit };
    let section = measure::measure(&stacks, &ground, &of, &bar, &interrupt)?;
    bar.finish_and_clear();
    if interrupt.came() {
        file.partial = Some("it was interrupted while fleets grew".into());
    }
    let ledgers = Ledger::all(&section);
    file.memory = Some(section);
    if options.json {
        print(&file.to_json())?;
    } else {
        print(table::render(&ledgers).as_bytes())?;
    }
    let status = tell(&file, asked_for);
    report::write(&options.out, &file)?;
    if !options.json {
        let folder = options.out.display();
        print(format!("The report is in {folder}: open {folder}/report.html\n").as_bytes())?;
    }
    Ok(status)
}

/// The command that makes the run again, from the options' own values.
fn command_line(options: &Memory) -> String {
    let Memory { n, workload, memory, .. } = options;
    let chosen = crate::chosen(&options.stacks, options.kernel.as_deref());
    format!("isolab memory{chosen} --n {n} --workload '{workload}' --memory {memory}")
}
