//! The command line.

use clap::{Args, Parser, Subcommand};
use isolab_runtime::cgroup::Limits;
use isolab_runtime::spec::{Size, Spec};
use isolab_runtime::volumes::Volume;
use isolab_timeline::command::{hostname, variable};
use std::ffi::OsString;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  isolab-runtime run --rootfs ./alpine -- sh
  isolab-runtime run --rootfs ./alpine --memory 128m --cpus 0.5 --pids 64 -- sh -c 'echo hello'
  isolab-runtime run --rootfs ./alpine --read-only --volume ./data:/data:ro -- ls /data
  isolab-runtime clean

Exit status: the command's own (128 + N if signal N killed it); 125: isolab failed;
126: this host cannot do it, or the command cannot be executed; 127: command not found.";

/// Runs a program in a container: namespaces, cgroups, an overlay root.
#[derive(Debug, Parser)]
#[command(name = "isolab-runtime", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Runs a command in a new container and waits for it
    Run(Box<Run>),
    /// Removes the cgroups that killed runs have left
    Clean {
        /// Prints what was removed as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The folder that becomes the container's /; it is never written to
    #[arg(long, value_name = "DIR")]
    rootfs: PathBuf,
    /// Most memory it may use, swap included (bytes, or 64m, 1g, …)
    #[arg(long, value_name = "SIZE")]
    memory: Option<Size>,
    /// Most CPU time it may use, in CPUs (0.5 is half of one)
    #[arg(long, value_name = "N", value_parser = cpus)]
    cpus: Option<f64>,
    /// Most processes and threads it may have
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pids: Option<u64>,
    /// The host's name that it sees
    #[arg(long, value_name = "NAME", default_value = "isolab", value_parser = hostname)]
    hostname: String,
    /// Makes its root read-only
    #[arg(long)]
    read_only: bool,
    /// Shows it a folder or file of the host
    #[arg(long, value_name = "SRC:DST[:ro]")]
    volume: Vec<Volume>,
    /// Sets a variable of its environment
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<String>,
    /// The folder in which the command starts
    #[arg(long, value_name = "DIR", default_value = "/")]
    workdir: PathBuf,
    /// Moves its boot clock ahead (a new time namespace)
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    boot_offset: Option<i64>,
    /// Writes when each step happened to standard output, at the end
    #[arg(long)]
    pub(crate) timeline: bool,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl From<Run> for Spec {
    fn from(run: Run) -> Spec {
        Spec {
            rootfs: run.rootfs,
            command: run.command,
            environment: run.env.into_iter().map(Into::into).collect(),
            workdir: run.workdir,
            hostname: run.hostname,
            read_only: run.read_only,
            volumes: run.volume,
            limits: Limits { memory: run.memory.map(|size| size.0), cpus: run.cpus, pids: run.pids },
            boot_offset: run.boot_offset,
        }
    }
}

fn cpus(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|cpus| (0.01..=1e6).contains(cpus));
    number.ok_or_else(|| "a number of CPUs of at least 0.01, such as 0.5".into())
}
