//! `isolab-runtime`: an OCI container runtime. See the library for how.

mod cli;

use clap::Parser;
use cli::{Cli, Context};
use isolab_runtime::Error;
use isolab_runtime::error::FAILED;
use isolab_runtime::oci::log::Log;
use isolab_runtime::{page, protect};
use isolab_timeline::{Mark, Stamps};
use std::process::exit;

/// What the commands that run no program end with when they fail, as engines expect.
const REFUSED: i32 = 1;

fn main() {
    protect::from_own_container().unwrap_or_else(|error| exit(complain(&error, &Log::default())));
    let stamps = page::shared_stamps().unwrap_or_else(|error| exit(complain(&error, &Log::default())));
    stamps.stamp(Mark::Launcher);
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        exit(if error.use_stderr() { FAILED } else { 0 })
    });
    exit(perform(cli, stamps))
}

fn perform(cli: Cli, stamps: &Stamps) -> i32 {
    let Cli { global, action } = cli;
    let log = match global.log() {
        Ok(log) => log,
        Err(error) => return complain(&error, &Log::default()),
    };
    let runs_a_program = action.runs_a_program();
    match action.perform(&Context { global: &global, log: &log, stamps }) {
        Ok(status) => status,
        Err(error) => {
            let status = complain(&error, &log);
            if runs_a_program { status } else { REFUSED }
        }
    }
}

/// Says what went wrong, once: on standard error, and in the engine's log.
fn complain(error: &Error, log: &Log) -> i32 {
    eprintln!("isolab-runtime: {}", error.line());
    log.error(&error.line());
    error.exit_status()
}
