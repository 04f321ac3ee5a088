//! `isolab-runtime`: an OCI container runtime. See the library for how.

#![no_main]
#![deny(unsafe_code)]

mod cli;
#[allow(unsafe_code)]
#[cfg(target_arch = "x86_64")]
mod entry;

use clap::Parser;
use cli::{Cli, Context};
use isolab_runtime::Error;
use isolab_runtime::error::FAILED;
use isolab_runtime::oci::log::Log;
use isolab_runtime::{page, protect, standard};
use isolab_timeline::{Mark, Stamps};
use std::panic::catch_unwind;

/// What the commands that run no program end with when they fail, as engines expect.
const REFUSED: i32 = 1;

/// The commands that make a process inside a container. A word more or less does no harm.
const MAKES_PROCESSES: [&str; 4] = ["create", "run", "exec", "contain"];

/// The C library's entry. What Rust's own would do besides takes some twenty system calls, and this program does
/// it twice a container: most of them look for the end of the stack, to say so when it overflows.
// SAFETY: no other function of the program has this name.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn main(_count: i32, _arguments: *const *const u8) -> i32 {
    catch_unwind(run).unwrap_or(FAILED)
}

fn run() -> i32 {
    if let Err(error) = standard::hold() {
        return complain(&error, &Log::default());
    }
    if std::env::args_os().any(|word| MAKES_PROCESSES.iter().any(|name| word == *name))
        && let Err(error) = protect::from_own_container()
    {
        return complain(&error, &Log::default());
    }
    // Only who prints them needs those of the container's first process.
    let stamps = if std::env::args_os().any(|word| word == "--timeline") {
        match page::shared_stamps() {
            Ok(stamps) => stamps,
            Err(error) => return complain(&error, &Log::default()),
        }
    } else {
        Box::leak(Box::default())
    };
    stamps.stamp(Mark::Launcher);
    match Cli::try_parse() {
        Ok(cli) => perform(cli, stamps),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { FAILED } else { 0 }
        }
    }
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
    let kind = if error.is_refusal() { "" } else { "error: " };
    eprintln!("isolab-runtime: {kind}{}", error.line());
    log.error(&error.line());
    error.exit_status()
}
