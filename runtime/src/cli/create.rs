//! `create [--bundle DIR] [--pid-file FILE] … ID`

use super::Context;
use clap::Args;
use isolab_runtime::Error;
use isolab_runtime::container::{self, Gate, Recipe};
use isolab_runtime::oci::config::Config;
use isolab_runtime::oci::store::Store;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    making: Making,
}

/// What `create` and `run` have in common.
#[derive(Debug, Args)]
pub(super) struct Making {
    /// The folder with config.json
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    bundle: PathBuf,
    /// Where to write the process number of the container's first process
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// A Unix socket that gets the container's terminal
    #[arg(long, value_name = "SOCKET")]
    console_socket: Option<PathBuf>,
    /// Moves the root mount instead of exchanging it (for a host that runs from an initramfs)
    #[arg(long)]
    no_pivot: bool,
    /// Leaves the container the caller's session keyring
    #[arg(long)]
    no_new_keyring: bool,
    /// How many descriptors beyond the standard three the container keeps
    #[arg(long, value_name = "N", default_value_t = 0)]
    preserve_fds: u32,
    /// The container's name
    #[arg(value_name = "ID")]
    id: String,
}

impl Making {
    pub(super) fn recipe(self, store: Store, gate: Gate) -> Result<Recipe, Error> {
        Ok(Recipe {
            id: self.id,
            config: Config::of_bundle(&self.bundle)?,
            store,
            gate,
            pid_file: self.pid_file,
            console_socket: self.console_socket,
            preserve_fds: self.preserve_fds,
            pivot: !self.no_pivot,
            keyring: !self.no_new_keyring,
            default_filter: false,
            overlay: false,
            init: false,
            keep: false,
        })
    }
}

impl Create {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let recipe = self.making.recipe(context.global.store(), Gate::Start)?;
        context.warn(&container::create(&recipe, context.stamps)?);
        Ok(0)
    }
}
