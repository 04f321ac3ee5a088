//! `isolab emulate`: a whole machine in software, with hardware virtualization and cgroup v2, on any x86-64 Linux.
//!
//! QEMU's emulator (TCG) has AMD's SVM with nested paging, so a real `kvm_amd` works in it and Linux guests boot
//! there. What happens when you type `isolab emulate -- compare`, in order:
//!
//! 1. [`contents`]: what the machine's root holds: this very program and the measured ones, each with the shared
//!    libraries that it needs ([`libraries`]), a shell, kernels for the guests ([`kernels`]), your own files.
//! 2. [`image`]: all of it packed in memory, with PID 1 and the kernel's modules.
//! 3. [`qemu`]: the machine's command line: one for a fast machine, one for a deterministic one ([`tsc`]: the rate
//!    of its clock).
//! 4. [`machine`]: started and watched until its end, your Ctrl-C, or the time limit.
//! 5. [`inside`]: the same program, in the machine: runs the command, then hands over what it wrote.
//! 6. [`results`]: how files and exit status travel, so that a machine that dies half-way is noticed.
//!
//! Beside the path: [`relay`] (bytes passed on, on both sides), [`spread`] (do several runs agree?) and [`error`].

pub mod contents;
pub mod error;
pub mod image;
pub mod inside;
pub mod kernels;
pub mod libraries;
#[allow(unsafe_code)]
pub mod machine;
pub mod qemu;
pub mod relay;
pub mod results;
pub mod spread;
#[allow(unsafe_code)]
pub mod tsc;

use crate::interrupt::Interrupt;
use crate::kernel::cache::Cache;
use crate::programs::Programs;
use contents::{Contents, PROGRAMS};
use error::Error;
use inside::Output;
use isolab_timeline::file::At;
use qemu::Machine;
use rustix::termios::Winsize;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What to run, and in what machine.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The same at every run, in virtual time.
    pub deterministic: bool,
    /// CPUs of the machine.
    pub cpus: u32,
    /// Memory of the machine, in MiB.
    pub memory_mib: u32,
    /// The machine is switched off after this time.
    pub limit: Option<Duration>,
    /// The programs that are measured in it; `None`: those of this build.
    pub measured: Option<Programs>,
    /// Files and folders that go in.
    pub given: Vec<PathBuf>,
    /// The folder for what comes back.
    pub out: PathBuf,
    /// Where the command's output goes.
    pub output: Output,
    /// The size of the terminal.
    pub window: Option<Winsize>,
    /// The command.
    pub words: Vec<OsString>,
}

/// Starts the machine, runs the command in it, and brings back its files and its exit status.
pub fn run(plan: &Plan, interrupt: &Interrupt) -> Result<u8, Error> {
    qemu::probe()?;
    let before = tsc::Moment::now();
    let cache = Cache::of_user().map_err(Error::Kernel)?;
    let kernel = kernels::of_machine(&cache)?;
    let programs = Programs::find().map_err(Error::Programs)?;
    let mut contents = Contents::lab(plan.measured.as_ref().unwrap_or(&programs))?;
    kernels::put(&cache, &mut contents)?;
    plan.given.iter().try_for_each(|path| contents.given(path))?;
    let machine = Machine {
        cpus: plan.cpus,
        memory_mib: plan.memory_mib,
        deterministic: plan.deterministic,
        terminal: plan.output == Output::Terminal,
    };
    let image =
        image::pack(&contents, &programs.init, &kernel, inside(plan), machine.terminal, plan.memory_mib)?;
    fs::create_dir_all(&plan.out).at("making the folder", &plan.out)?;
    machine::run(machine, &kernel.vmlinux(), image, before, &plan.out, plan.limit, interrupt)
}

/// What PID 1 starts: this program, which then starts the command.
fn inside(plan: &Plan) -> Vec<OsString> {
    let output = match plan.output {
        Output::Live => "live",
        Output::Deferred => "deferred",
        Output::Terminal => "terminal",
    };
    let mut words = vec![Path::new(PROGRAMS).join("isolab").into()];
    words.extend(["emulate", "inside", "--output", output].map(OsString::from));
    if let Some(Winsize { ws_row, ws_col, .. }) = plan.window {
        words.extend(["--window".into(), ws_row.to_string().into(), ws_col.to_string().into()]);
    }
    words.push("--".into());
    words.extend(plan.words.iter().cloned());
    words
}
