//! What every command that measures is told alike: what its VMs have, and how long a launch may take.

use clap::Args;
use isolab::compare::Plan;
use isolab::parts::Parts;
use isolab_timeline::Stack;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Args, Clone, Debug)]
pub(crate) struct Launches {
    /// Memory of a VM, in MiB
    #[arg(long = "memory", value_name = "MIB", default_value_t = 128)]
    pub(crate) memory_mib: u32,
    /// The kernel of Linux guests: its name in `isolab kernel list`, or the path of its image (with a slash); the
    /// small one or the distribution's if not given
    #[arg(long, value_name = "NAME|PATH")]
    kernel: Option<PathBuf>,
    /// Seconds after which a launch that is not ready, or does not end, is killed and counts as failed
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    limit: u64,
}

impl Launches {
    /// A plan of these parts and stacks, with the usual numbers in it.
    pub(crate) fn plan(&self, parts: Parts, stacks: Vec<Stack>) -> Plan {
        Plan {
            memory_mib: self.memory_mib,
            kernel: self.kernel.clone(),
            limit: Duration::from_secs(self.limit),
            progress: io::stderr().is_terminal(),
            ..Plan::new(parts, stacks)
        }
    }

    /// The words that make it again, behind these `stacks` if they were named.
    pub(crate) fn words(&self, stacks: &[Stack]) -> String {
        let names: Vec<_> = stacks.iter().map(|stack| stack.name()).collect();
        let stacks = if names.is_empty() { String::new() } else { format!(" --stacks {}", names.join(",")) };
        // A name of the cache says something on another machine; a path does not.
        let kernel = self.kernel.as_deref().and_then(Path::to_str).filter(|kernel| !kernel.contains('/'));
        let kernel = kernel.map_or(String::new(), |kernel| format!(" --kernel {kernel}"));
        format!("{stacks}{kernel} --memory {}", self.memory_mib)
    }
}
