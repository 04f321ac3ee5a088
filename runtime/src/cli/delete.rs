//! `delete [--force] ID`

use super::Context;
use clap::Args;
use isolab_runtime::{Error, container};

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Kills a container that still runs; one that does not exist is no error
    #[arg(short, long)]
    force: bool,
    /// The container's name
    #[arg(value_name = "ID")]
    id: String,
}

impl Delete {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        context.warn(&container::delete(&context.global.store(), &self.id, self.force)?);
        Ok(0)
    }
}
