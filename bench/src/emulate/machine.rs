//! One run of the machine: started, listened to, and watched until its end, Ctrl-C, or the time limit.
//!
//! What the command prints comes through two pipes (`pipe(7)`) and goes on as it comes. The results go to a file
//! without a name (`O_TMPFILE`, `open(2)`), so that a lab that is killed leaves none. QEMU dies with the thread
//! that has started it (`PR_SET_PDEATHSIG`, `prctl(2)`).

use super::error::Error;
use super::qemu::{self, Ends, Machine};
use super::{relay, results, tsc};
use crate::interrupt::Interrupt;
use isolab_microvm::terminal::Raw;
use isolab_timeline::file::At;
use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, set_parent_process_death_signal};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often the machine and the interrupt are looked at. Nothing is timed here.
const PERIOD: Duration = Duration::from_millis(20);
/// Bytes of the console that are kept, and lines that are shown when the machine dies.
const KEPT: usize = 1 << 14;
const SHOWN: usize = 6;

/// Runs `machine` with this kernel and initial RAM file system. What its command wrote lands in the folder `to`.
/// Returns the command's exit status. `before` is a moment of some time ago.
pub fn run(
    machine: Machine,
    kernel: &Path,
    image: OwnedFd,
    before: tsc::Moment,
    to: &Path,
    limit: Option<Duration>,
    interrupt: &Interrupt,
) -> Result<u8, Error> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from).at("making", "a pipe");
    let ((console, console_end), (out, out_end), (err, err_end)) = (pipe()?, pipe()?, pipe()?);
    let temporary = std::env::temp_dir();
    let results = rustix::fs::open(
        &temporary,
        OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC,
        Mode::RUSR | Mode::WUSR,
    );
    let results = File::from(results.map_err(io::Error::from).at("making a file in", &temporary)?);
    let results_end = results.try_clone().at("making a file in", &temporary)?.into();
    let ends = Ends { image, console: console_end, out: out_end, err: err_end, results: results_end };

    let mut command =
        qemu::command(machine, kernel, &ends, before.khz()).at("preparing", "the machine's channels")?;
    if machine.terminal {
        command.stderr(Stdio::inherit());
    } else {
        let complaints = ends.console.try_clone().at("making", "a pipe")?;
        // A group of its own: the terminal's Ctrl-C is for this process, which ends the machine.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(complaints).process_group(0);
    }
    // SAFETY: between fork and exec this only makes one system call, and allocates nothing.
    unsafe { command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?)) };
    // QEMU puts the terminal in raw mode and back again, but not when it is killed.
    let _raw = if machine.terminal { Raw::enter().at("preparing", "the terminal")? } else { None };
    let child = command.spawn().at("starting", command.get_program())?;
    // Only QEMU holds these now: they close with it.
    drop((command, ends));
    let readers = (relay::start(out, io::stdout()), relay::start(err, io::stderr()), keep_the_end(console));
    let ended = watch(child, limit, interrupt);
    let _ = (readers.0.join(), readers.1.join());
    let said = readers.2.join().unwrap_or_default();
    let ended = ended?;
    match results::receive(results, to)? {
        Some(status) => Ok(status),
        // Ctrl-A x.
        None if machine.terminal && ended.success() => Ok(0),
        None => Err(Error::Died { said: last_lines(&said) }),
    }
}

/// Waits for the end of the machine, or brings it about.
fn watch(mut qemu: Child, limit: Option<Duration>, interrupt: &Interrupt) -> Result<ExitStatus, Error> {
    let start = Instant::now();
    loop {
        if let Some(status) = qemu.try_wait().at("waiting for", "QEMU")? {
            return Ok(status);
        }
        let late = limit.filter(|&limit| start.elapsed() > limit);
        if interrupt.came() || late.is_some() {
            // It may have ended just now; then there is nothing to kill, and it is reaped all the same.
            let _ = qemu.kill();
            let _ = qemu.wait();
            return Err(late.map_or(Error::Interrupted, |limit| Error::TimedOut { seconds: limit.as_secs() }));
        }
        thread::sleep(PERIOD);
    }
}

/// Reads to the end and keeps the last bytes.
fn keep_the_end(from: OwnedFd) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut from = File::from(from);
        let mut kept = VecDeque::new();
        let mut buffer = [0; KEPT];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            kept.extend(&buffer[..length]);
            kept.drain(..kept.len().saturating_sub(KEPT));
        }
        kept.into()
    })
}

/// The line in which the kernel panicked, or else the last lines that say something, in one.
fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let printable =
        |line: &str| line.trim().chars().filter(|letter| !letter.is_control()).collect::<String>();
    let lines: Vec<_> = text.lines().map(printable).filter(|line| !line.is_empty()).collect();
    if let Some(panic) = lines.iter().find(|line| line.contains("Kernel panic")) {
        return panic.clone();
    }
    if lines.is_empty() {
        return "nothing".into();
    }
    lines[lines.len().saturating_sub(SHOWN)..].join("; ")
}
