//! `run [--detach] [--bundle DIR] … ID`

use super::Context;
use super::create::Making;
use clap::Args;
use isolab_runtime::Error;
use isolab_runtime::container::{self, Gate};

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    making: Making,
    /// Returns when the container runs
    #[arg(short, long)]
    detach: bool,
    /// Keeps the state of the container after its end, for `delete`
    #[arg(long)]
    keep: bool,
    /// Accepted: this runtime never adopts the container's orphans
    #[arg(long)]
    no_subreaper: bool,
}

impl Run {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let gate = if self.detach { Gate::Detached } else { Gate::Tied };
        let mut recipe = self.making.recipe(context.global.store(), gate)?;
        recipe.keep = self.keep;
        let ended = container::run(&recipe, context.stamps)?;
        context.warn(&ended.warnings);
        Ok(ended.status)
    }
}
