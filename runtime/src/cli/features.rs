//! `features`

use super::{Context, print_json};
use clap::Args;
use isolab_runtime::{Error, features};

#[derive(Debug, Args)]
pub(crate) struct Features {}

impl Features {
    pub(crate) fn perform(self, _: &Context<'_>) -> Result<i32, Error> {
        print_json(&features::features())?;
        Ok(0)
    }
}
