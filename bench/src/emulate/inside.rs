//! The part of `isolab emulate` that runs in the machine: PID 1 starts it, it starts the command.
//!
//! Three virtio ports lead out, each a file in `/dev` to which one process writes (kernel documentation,
//! "Virtio console"): standard output, standard error, and the results. When the command has ended, so does all
//! that it started; then its files go out, then the machine ends.

use super::contents::WORK;
use super::relay;
use super::results::{self, Snapshot};
use anyhow::Context;
use clap::ValueEnum;
use rustix::process::{Signal, kill_process_group};
use rustix::termios::{Winsize, tcsetwinsize};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The ports' numbers.
pub const OUT: u32 = 1;
/// Standard error.
pub const ERR: u32 = 2;
/// The results.
pub const RESULTS: u32 = 3;

/// How long the kernel may take to find its ports.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the command's output goes, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Out, as it comes.
    Live,
    /// Out, after the end: what leaves the machine costs time in it.
    Deferred,
    /// To the console, where somebody sits.
    Terminal,
}

/// Runs `words` and sends what they wrote and their status. Returns the status.
pub fn run(output: Output, window: Option<Winsize>, words: &[OsString]) -> anyhow::Result<u8> {
    let results = port(RESULTS)?;
    let before = Snapshot::of(Path::new(WORK)).with_context(|| format!("looking at {WORK}"))?;
    if let Some(window) = window {
        tcsetwinsize(io::stdin(), window).context("telling the console its size")?;
    }
    let (program, arguments) = words.split_first().context("no command was given")?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(WORK);
    let status = match output {
        Output::Terminal => ended(command.spawn(), program),
        Output::Live => live(command, program)?,
        Output::Deferred => deferred(command, program)?,
    };
    results::send(results, Path::new(WORK), &before, status).context("sending the results")?;
    Ok(status)
}

/// Relays both outputs through pipes, as anywhere else: a port can be opened by one process only.
fn live(mut command: Command, program: &OsString) -> anyhow::Result<u8> {
    let (out, err) = (port(OUT)?, port(ERR)?);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            use io::Write;
            let status = not_started(&error);
            writeln!(&err, "isolab: {}: {error}", program.display()).context("saying why not")?;
            return Ok(status);
        }
    };
    let relays = [
        child.stdout.take().map(|from| relay::start(from, out)),
        child.stderr.take().map(|from| relay::start(from, err)),
    ];
    let group = rustix::process::Pid::from_child(&child);
    let status = wait(&mut child);
    // What it has left behind in its group must not keep the pipes open.
    let _ = kill_process_group(group, Signal::KILL);
    for relay in relays.into_iter().flatten() {
        let _ = relay.join();
    }
    Ok(status)
}

/// Keeps both outputs in memory until the end.
fn deferred(mut command: Command, program: &OsString) -> anyhow::Result<u8> {
    let keep = |name| -> io::Result<File> {
        Ok(rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC)?.into())
    };
    let kept = [(keep("out")?, OUT), (keep("err")?, ERR)];
    command.stdin(Stdio::null()).stdout(kept[0].0.try_clone()?).stderr(kept[1].0.try_clone()?);
    let status = ended(command.spawn(), program);
    for (mut kept, number) in kept {
        kept.rewind()?;
        let sent = relay::start(kept, port(number)?);
        let _ = sent.join();
    }
    Ok(status)
}

/// Waits for a command that was to be started. One that was not is said on the console.
fn ended(started: io::Result<Child>, program: &OsString) -> u8 {
    match started {
        Ok(mut child) => wait(&mut child),
        Err(error) => {
            eprintln!("isolab: {}: {error}", program.display());
            not_started(&error)
        }
    }
}

/// The status as a shell gives it.
fn wait(child: &mut Child) -> u8 {
    let status = child
        .wait()
        .map_or(125, |status| status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()));
    status as u8
}

fn not_started(error: &io::Error) -> u8 {
    if error.kind() == ErrorKind::NotFound { 127 } else { 126 }
}

/// Opens a port, as soon as the kernel has found it.
fn port(number: u32) -> anyhow::Result<File> {
    let path = format!("/dev/vport0p{number}");
    let start = Instant::now();
    loop {
        match OpenOptions::new().write(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound && start.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(2));
            }
            opened => return opened.with_context(|| format!("opening {path}")),
        }
    }
}
