//! `state ID`

use super::Context;
use clap::Args;
use isolab_runtime::{Error, container};

#[derive(Debug, Args)]
pub(crate) struct State {
    /// The container's name
    #[arg(value_name = "ID")]
    id: String,
}

impl State {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let seen = container::look(&context.global.store(), &self.id)?;
        super::print_json(&seen.record.state(seen.status, seen.pid()))?;
        Ok(0)
    }
}
