//! `contain --rootfs DIR … -- COMMAND`: a container without a bundle. The configuration is made here, in memory,
//! as an engine would write it; from there on everything is as with a bundle.

use super::Context;
use clap::Args;
use isolab_runtime::Error;
use isolab_runtime::contained::{Contained, Volume};
use isolab_runtime::container::{self, Gate, Recipe};
use isolab_runtime::size::Size;
use isolab_timeline::command::{hostname, variable};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Contain {
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pids: Option<i64>,
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
    /// Puts a small init before the command: it reaps orphans, and signals reach the command as usual
    #[arg(long)]
    init: bool,
    /// Writes when each step happened to standard output, at the end
    #[arg(long)]
    timeline: bool,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Contain {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let (timeline, init) = (self.timeline, self.init);
        let (id, config) = Contained::from(self).config()?;
        let recipe = Recipe {
            id,
            config,
            store: context.global.store(),
            gate: Gate::Tied,
            pid_file: None,
            console_socket: None,
            preserve_fds: 0,
            pivot: true,
            keyring: true,
            default_filter: true,
            overlay: true,
            init,
            keep: false,
        };
        let ended = container::run(&recipe, context.stamps)?;
        if timeline {
            let record = context.stamps.record().bytes();
            std::io::stdout().write_all(&record).map_err(|error| super::output(&error))?;
        }
        Ok(ended.status)
    }
}

impl From<Contain> for Contained {
    fn from(words: Contain) -> Self {
        Self {
            rootfs: words.rootfs,
            command: words.command,
            environment: words.env.into_iter().map(Into::into).collect(),
            workdir: words.workdir,
            hostname: words.hostname,
            read_only: words.read_only,
            volumes: words.volume,
            memory: words.memory.map(|size| size.0),
            cpus: words.cpus,
            pids: words.pids,
            boot_offset: words.boot_offset,
        }
    }
}

fn cpus(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|cpus| (0.01..=1e6).contains(cpus));
    number.ok_or_else(|| "a number of CPUs of at least 0.01, such as 0.5".into())
}
