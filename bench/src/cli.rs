//! The lab's command line.

pub(crate) mod density;
mod export;
mod gate;
pub(crate) mod ladder;
pub(crate) mod launches;
pub(crate) mod memory;
pub(crate) mod report;
pub(crate) mod tax;

use clap::{Args, Parser, Subcommand};
use isolab::emulate::inside::Output;
use isolab::parts::Parts;
use isolab_timeline::command::{hostname, variable};
use isolab_timeline::{Peer, Stack, Workload};
use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) use export::Export;
pub(crate) use gate::{Gate, Metric};
use launches::Launches;

/// The VM-versus-container lab: one workload, isolated several ways, under one ruler.
#[derive(Debug, Parser)]
#[command(
    name = "isolab",
    version,
    after_help = "\
Without a command: a quick `compare` of all that this machine can run, into reports/latest.

Examples:
  isolab doctor
  isolab compare --stacks process,container --runs 500
  isolab compare --workload 'cpu 50000000' --out /tmp/cpu
  isolab memory --stacks container,unikernel --n 200
  isolab density --stacks container,unikernel --max 2000
  isolab tax --stacks process,container
  isolab ladder
  isolab gate main HEAD --max-slowdown 5%
  isolab report reports/latest/samples.json --out /tmp/again
  isolab run container --rootfs ./alpine --memory 128m -- sh
  isolab run unikernel --memory 64 -- cpu 1000000
  isolab run microvm --rootfs ./alpine --memory 256 -- sh
  isolab kernel get
  isolab emulate -- compare --stacks process,microvm --runs 20
  isolab clean

Exit status: 0; 1: some launch failed or could not be measured; `gate`: 1 fail, 3 inconclusive; 125: isolab failed;
126: not available on this host; 130: interrupted, what was measured is kept. `run` and `emulate` give the
command's own; `emulate` also 124: it was stopped at its time limit."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Says what this machine can do, and what to do about the rest
    Doctor {
        /// Prints it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Measures the start-up of all stacks, or whatever else --parts names, and draws the report
    Compare(Compare),
    /// Measures what one more idle instance of each stack costs in memory, line by line
    Memory(memory::Memory),
    /// Measures how many instances of each stack fit, and how quickly they start side by side
    Density(density::Density),
    /// Measures what work costs in each stack once it runs
    Tax(tax::Tax),
    /// Measures what each rung of a container and of a VM costs
    Ladder(ladder::Ladder),
    /// Says whether build B is slower than build A, or that this machine cannot tell
    Gate(Gate),
    /// Writes a run's samples in another tool's format
    Export(Export),
    /// Draws a report anew, from what one run measured or several
    Report(report::Report),
    /// Runs something in one stack
    #[command(subcommand)]
    Run(Run),
    /// Gets, builds and lists kernels for guests
    #[command(subcommand)]
    Kernel(Kernel),
    /// Runs isolab, or any program, in an emulated machine that has KVM and cgroup v2
    Emulate(Emulate),
    /// Removes what runs that were killed have left
    Clean {
        /// Prints what was removed as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
#[command(after_help = "\
Workloads: noop, cpu TURNS, syscall COUNT, switch COUNT, fault COUNT, read COUNT, cross COUNT (unikernel only),
touch MIB, wait

Examples:
  isolab compare
  isolab compare --parts startup --stacks process,unikernel --workload 'touch 64' --runs 50
  isolab compare --parts all --quick
  isolab compare --peers
  isolab compare --stacks container --peer crun --peer youki=./youki
  isolab compare --json --seed 7 | jq '.samples | length'")]
pub(crate) struct Compare {
    /// What is measured: startup, counts, memory, density, tax, ladder, or all
    #[arg(long, value_name = "PART,...", default_value_t = Parts::default())]
    pub(crate) parts: Parts,
    /// Fewer launches, rounds and instances: wider intervals, in a fraction of the time
    #[arg(long)]
    pub(crate) quick: bool,
    /// The stacks to launch; all that run here if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(crate) stacks: Vec<Stack>,
    /// Also launches the peers whose programs are found along PATH
    #[arg(long)]
    pub(crate) peers: bool,
    /// Also launches this peer, found along PATH or at PATH
    #[arg(long = "peer", value_name = "NAME[=PATH]", value_parser = peer)]
    pub(crate) named_peers: Vec<(Peer, Option<PathBuf>)>,
    /// Counted launches of each stack [default: 200; with --quick 40]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) runs: Option<usize>,
    /// Idle instances of each stack for the memory ledger
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one)]
    pub(crate) instances: usize,
    /// Launches of each stack that come first and do not count
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) warmup: usize,
    /// The work that every stack does
    #[arg(long, value_name = "'KIND N'", default_value = "noop")]
    pub(crate) workload: Workload,
    #[command(flatten)]
    pub(crate) launches: Launches,
    /// The report's folder; an older report in it is replaced
    #[arg(long, value_name = "DIR", default_value = "reports/latest")]
    pub(crate) out: PathBuf,
    /// Prints samples.json to standard output instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Seed of the order of launches and of the bootstrap; drawn and recorded if not given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// An emulated machine (QEMU) with a KVM of its own, cgroup v2, and root: the same on every x86-64 Linux.
///
/// The command starts in an empty folder. What it writes there comes back, in the folder --out.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  isolab emulate -- doctor
  isolab emulate -- compare --stacks process,container,unikernel --runs 50 --out emulated
  isolab emulate --deterministic --repeat 5 --out virtual -- compare --runs 20
  isolab emulate shell
  isolab emulate --in ./my-test exec -- ./my-test --nocapture

A deterministic machine has one CPU, whose time is virtual: 1 ns an instruction, idle waits included. All that goes
in does so before the start, all that leaves does so after the end; one command gives one result, at every run.

Exit status: the command's own; 124: stopped at --timeout; 125: isolab failed; 126: QEMU or kernel are missing;
130: interrupted.")]
pub(crate) struct Emulate {
    /// The same at every run, in virtual time, on one CPU
    #[arg(long, global = true)]
    pub(crate) deterministic: bool,
    /// CPUs; 1 if not given, since with more a VM inside now and then hangs
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) cpus: Option<u32>,
    /// Memory, in MiB
    #[arg(long, global = true, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(512..=1 << 20))]
    pub(crate) memory: u32,
    /// Seconds after which the machine is switched off
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// Runs it this many times, each into a folder of its own below --out, and prints how far the medians differ
    #[arg(long, global = true, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) repeat: u32,
    /// A file or folder that goes into the machine, at the same path; programs take their libraries along
    #[arg(long = "in", global = true, value_name = "PATH")]
    pub(crate) given: Vec<PathBuf>,
    /// The folder for what the command writes in its own
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,
    #[command(subcommand)]
    pub(crate) what: Option<Emulated>,
    /// What this isolab is to do in the machine
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) words: Vec<OsString>,
}

/// What else than isolab runs in an emulated machine.
#[derive(Debug, Subcommand)]
pub(crate) enum Emulated {
    /// A shell on the machine's console; Ctrl-A x switches the machine off
    Shell,
    /// A program of this host, with the libraries that it needs
    Exec {
        /// The program and its arguments
        #[arg(last = true, required = true, value_name = "PROGRAM ARGS")]
        words: Vec<OsString>,
    },
    /// The machine's own side of it
    #[command(hide = true)]
    Inside {
        /// Where the output goes
        #[arg(long, value_enum)]
        output: Output,
        /// The size of the terminal
        #[arg(long, num_args = 2, value_names = ["ROWS", "COLUMNS"])]
        window: Vec<u16>,
        /// The command
        #[arg(last = true, required = true)]
        words: Vec<OsString>,
    },
}

/// Kernels lie in the user's cache folder, below isolab/kernels.
#[derive(Debug, Subcommand)]
pub(crate) enum Kernel {
    /// Takes a kernel from the distribution's package, from this host, or from a file
    #[command(after_help = "\
Examples:
  isolab kernel get
  isolab kernel get --from host
  isolab kernel get --from ./bzImage")]
    Get {
        /// apt, host, or the path of a bzImage or vmlinux; apt if not given, or host where there is no apt
        #[arg(long, value_name = "apt|host|PATH")]
        from: Option<PathBuf>,
    },
    /// Builds the small guest kernel from the distribution's source package (minutes)
    Build {
        /// As root: installs the compiler and whatever else is missing
        #[arg(long)]
        install_tools: bool,
    },
    /// Lists the kernels in the cache
    List {
        /// Prints them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Verifies a kernel and prints the path of its vmlinux
    Path {
        /// Its name in the list (the newest so called), or its folder's name
        name: String,
    },
}

/// One stack each.
#[derive(Debug, Subcommand)]
pub(crate) enum Run {
    /// What is handed on.
    #[command(flatten)]
    HandOver(HandOver),
    /// A command in a VM with a Linux kernel of its own: --rootfs DIR|IMAGE [...] -- COMMAND; --help lists all
    Microvm(Box<Microvm>),
}

/// What `run` hands on: these programs read their own options, so that there is one list of them.
#[derive(Debug, Subcommand)]
pub(crate) enum HandOver {
    /// The workload as a bare process: KIND [N]
    #[command(disable_help_flag = true)]
    Process(Words),
    /// A command in a container: --rootfs DIR [...] -- COMMAND; --help lists all
    #[command(disable_help_flag = true)]
    Container(Words),
    /// The workload as the guest of a VM: [--memory MIB] -- KIND [N]; --help lists all
    #[command(disable_help_flag = true)]
    Unikernel(Words),
}

#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: the command's own (128 + N if signal N killed it); 125: isolab failed;
126: this host cannot run VMs or has no kernel, or the command cannot be executed; 127: command not found.

Examples:
  isolab run microvm --rootfs ./alpine -- sh -c 'uname -r'
  isolab run microvm --rootfs ./root.erofs --drive data.img -- sh
  isolab run microvm --rootfs ./alpine --kernel debian --memory 512 -- sh")]
pub(crate) struct Microvm {
    /// The folder, or the EROFS or ext4 image, that becomes the guest's /; it is never written to
    #[arg(long, value_name = "DIR|IMAGE")]
    pub(crate) rootfs: PathBuf,
    /// A kernel's name in `isolab kernel list`, or the path of its image (with a slash); the small one or the
    /// distribution's if not given
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) kernel: Option<PathBuf>,
    /// Memory of the VM, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    pub(crate) memory: u32,
    /// CPUs of the VM
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) cpus: u8,
    /// One more disk of the VM, read-only or written to
    #[arg(long, value_name = "FILE[:ro]")]
    pub(crate) drive: Vec<OsString>,
    /// A network card of the VM, at the other end of this tap interface
    #[arg(long, value_name = "TAP[:MAC]")]
    pub(crate) net: Vec<OsString>,
    /// The host's name that the command sees
    #[arg(long, value_name = "NAME", default_value = "isolab", value_parser = hostname)]
    pub(crate) hostname: String,
    /// Sets a variable of its environment
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<String>,
    /// The user and the group that it runs as
    #[arg(long, value_name = "UID:GID", default_value = "0:0", value_parser = user)]
    pub(crate) user: (u32, u32),
    /// The folder in which it starts
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) workdir: PathBuf,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Anything: it is only accepted here, and read as it was typed.
#[derive(Args, Debug)]
pub(crate) struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "...")]
    _words: Vec<OsString>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|runs| (1..=1_000_000).contains(runs))
        .ok_or_else(|| "a number from 1 to 1000000".into())
}

fn peer(text: &str) -> Result<(Peer, Option<PathBuf>), String> {
    let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(path.into())));
    let known = Peer::ALL.into_iter().find(|peer| peer.name() == name);
    known.map(|peer| (peer, path)).ok_or_else(|| {
        let names = Peer::ALL.map(Peer::name).join(", ");
        format!("there is no peer {name:?}; there are: {names}; docs/peers.md says how to add one")
    })
}

fn user(text: &str) -> Result<(u32, u32), String> {
    let both = text.split_once(':').and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
    both.ok_or_else(|| "two numbers: UID:GID".into())
}
