//! `isolab-microvm`: the VMM's command line.
//!
//! `main` here is C's, called by the C library itself. Rust's own start-up looks for the stack's guard page
//! in `/proc/self/maps` and installs signal handlers, which costs a start more than loading the guest
//! does. What is different without it: a reader that goes away ends the VMM by SIGPIPE, as it ends any
//! program in C.
#![no_main]
#![deny(unsafe_code)]

mod cli;

use anyhow::bail;
use clap::Parser;
use cli::{Boot, Cli, Command, Run};
use isolab_microvm::devices::virtio::config::Devices;
use isolab_microvm::machine_file::Machine;
use isolab_microvm::output::StandardOutput;
use isolab_microvm::tally::Tally;
use isolab_microvm::{Config, Error, launch, machine, machine_file};
use isolab_timeline::{Mark, Record, Stamps};
use std::ffi::{c_char, c_int};
use std::io::Write;

/// Exit status: isolab itself failed.
const FAILED: c_int = 125;
/// Exit status: this host cannot do it.
const UNAVAILABLE: c_int = 126;

/// Called by the C library. The arguments are taken from `std::env`, which glibc has filled by now.
// SAFETY: no other function of this program is named `main`, and its type is the one that C gives it.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    let stamps = Stamps::default();
    stamps.stamp(Mark::Launcher);
    let Cli { command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version come here too; nothing is left to do if they cannot be printed.
            let _ = error.print();
            return if error.use_stderr() { FAILED } else { 0 };
        }
    };
    stamps.stamp(Mark::Isolate);
    let status = match command {
        Command::Run(arguments) => run(&arguments, &stamps),
        Command::Boot(arguments) => boot(arguments, &stamps),
    };
    match status {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("isolab-microvm: {error:#}");
            if error.downcast_ref().is_some_and(Error::is_unavailable) { UNAVAILABLE } else { FAILED }
        }
    }
}

fn run(arguments: &Run, stamps: &Stamps) -> anyhow::Result<u8> {
    let Run { image, memory, huge_pages, marks, timeline, statistics, work } = arguments;
    let tally = Tally::new(*statistics);
    let config = Config {
        image,
        memory_mib: *memory,
        huge_pages: *huge_pages,
        words: work,
        marks: *marks,
        tally: &tally,
    };
    let status = launch(config, StandardOutput, stamps)?;
    report(*timeline, stamps, &tally)?;
    Ok(status)
}

fn boot(arguments: Boot, stamps: &Stamps) -> anyhow::Result<u8> {
    let Boot {
        kernel,
        protocol,
        initrd,
        cmdline,
        memory,
        cpus,
        drive,
        net,
        rng,
        config_file,
        huge_pages,
        input_port,
        marks,
        timeline,
        statistics,
    } = arguments;
    let machine = match (config_file, kernel) {
        (Some(file), _) => machine_file::read(&file).map_err(Error::from)?,
        (None, Some(kernel)) => Machine {
            kernel,
            protocol,
            initrd,
            command_line: cmdline,
            memory_mib: memory,
            cpus,
            devices: Devices { drives: drive, interfaces: net, rng },
        },
        (None, None) => bail!("give it a kernel (--kernel), or a machine file (--config-file)"),
    };
    let tally = Tally::new(statistics);
    let config = machine::Config { huge_pages, ..machine.config(input_port, marks, &tally) };
    let status = machine::boot(config, StandardOutput, stamps)?;
    report(timeline, stamps, &tally)?;
    Ok(status)
}

/// Writes the VMM's own marks and counts, if somebody asked for them.
fn report(wanted: bool, stamps: &Stamps, tally: &Tally) -> Result<(), Error> {
    if !wanted {
        return Ok(());
    }
    let record = Record {
        exits: tally.exits(),
        statistics: tally.statistics(),
        guest_programs_kib: tally.guest_programs_kib(),
        ..stamps.record()
    };
    StandardOutput.write_all(&record.bytes()).map_err(Error::Output)
}
