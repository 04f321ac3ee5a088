//! `isolab emulate`, as the user sees it.

use crate::cli::{Emulate, Emulated};
use crate::{FAILED, INTERRUPTED, UNAVAILABLE, print};
use anyhow::{Context, bail};
use isolab::emulate::contents::PROGRAMS;
use isolab::emulate::error::Error;
use isolab::emulate::inside::{self, Output};
use isolab::emulate::{Plan, run, spread};
use isolab::interrupt::Interrupt;
use rustix::termios::{Winsize, tcgetwinsize};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TIMED_OUT: u8 = 124;

pub(crate) fn perform(options: Emulate) -> anyhow::Result<u8> {
    let Emulate { deterministic, cpus, memory, timeout, repeat, given, out, what, words } = options;
    let isolab = Path::new(PROGRAMS).join("isolab");
    let mut programs = Vec::new();
    let (output, words) = match what {
        Some(Emulated::Inside { output, window, words }) => {
            let window = match window[..] {
                [ws_row, ws_col] => Some(Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }),
                _ => None,
            };
            return inside::run(output, window, &words);
        }
        Some(Emulated::Shell) if deterministic => bail!("nobody can type into a deterministic machine"),
        Some(Emulated::Shell) => (Output::Terminal, vec!["/bin/sh".into(), "-l".into()]),
        Some(Emulated::Exec { words }) => {
            let program = found(&words[0])?;
            programs.push(program.clone());
            (Output::Live, [&[program.into()], &words[1..]].concat())
        }
        None if words.is_empty() => {
            bail!("what shall run? `isolab emulate -- doctor`, or `isolab emulate shell`")
        }
        None => (Output::Live, [&[isolab.into()], &words[..]].concat()),
    };
    let cpus = cpus.unwrap_or(1);
    if deterministic && cpus > 1 {
        bail!("a deterministic machine has one CPU: leave --cpus out");
    }
    let plan = Plan {
        deterministic,
        cpus,
        memory_mib: memory,
        limit: timeout.map(Duration::from_secs),
        measured: None,
        given: [given, programs].concat(),
        out,
        output: if deterministic { Output::Deferred } else { output },
        window: tcgetwinsize(io::stdin()).ok().filter(|_| output == Output::Terminal),
        words,
    };
    let interrupt = Interrupt::listen().context("listening for Ctrl-C")?;
    if repeat == 1 {
        return Ok(run(&plan, &interrupt)?);
    }
    let mut runs = Vec::new();
    for number in 1..=repeat {
        let out = plan.out.join(format!("run-{number}"));
        let status = run(&Plan { out: out.clone(), ..plan.clone() }, &interrupt)?;
        if status != 0 {
            return Ok(status);
        }
        runs.push(out);
    }
    for line in spread::lines(&runs)? {
        print(format!("{line}\n").as_bytes())?;
    }
    Ok(0)
}

/// The path of a program, looked for as a shell does (`execvp(3)`).
fn found(name: &OsString) -> anyhow::Result<PathBuf> {
    let path = Path::new(name);
    if path.components().count() > 1 {
        return std::path::absolute(path).with_context(|| format!("finding {}", path.display()));
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let place = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    place.with_context(|| format!("there is no program {} in PATH", name.display()))
}

/// The exit status for an error of an emulated machine; any other is isolab's own failure.
pub(crate) fn status_of(error: &anyhow::Error) -> u8 {
    match error.downcast_ref() {
        Some(Error::Unavailable { .. }) => UNAVAILABLE,
        Some(Error::TimedOut { .. }) => TIMED_OUT,
        Some(Error::Interrupted) => INTERRUPTED,
        _ => FAILED,
    }
}
