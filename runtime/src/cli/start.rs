//! `start ID`

use super::Context;
use clap::Args;
use isolab_runtime::{Error, container};

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The container's name
    #[arg(value_name = "ID")]
    id: String,
}

impl Start {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        container::start(&context.global.store(), &self.id)?;
        Ok(0)
    }
}
