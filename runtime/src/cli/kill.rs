//! `kill [--all] ID [SIGNAL]`

use super::Context;
use clap::Args;
use isolab_runtime::{Error, container};
use rustix::process::Signal;

#[derive(Debug, Args)]
pub(crate) struct Kill {
    /// Signals every process of the container
    #[arg(short, long)]
    all: bool,
    /// The container's name
    #[arg(value_name = "ID")]
    id: String,
    /// A name, with or without SIG, or a number
    #[arg(value_name = "SIGNAL", default_value = "TERM", value_parser = signal)]
    signal: Signal,
}

impl Kill {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let store = context.global.store();
        let kill = if self.all { container::kill_all } else { container::kill };
        kill(&store, &self.id, self.signal)?;
        Ok(0)
    }
}

fn signal(text: &str) -> Result<Signal, String> {
    container::signal_named(text).ok_or_else(|| "a signal's name, such as TERM, or its number".into())
}
