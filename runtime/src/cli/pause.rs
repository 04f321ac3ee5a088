//! `pause ID`, `resume ID`

use super::Context;
use clap::Args;
use isolab_runtime::oci::state::Status;
use isolab_runtime::{Error, container};

#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// The container's name
    #[arg(value_name = "ID")]
    id: String,
}

impl Pause {
    pub(crate) fn pause(self, context: &Context<'_>) -> Result<i32, Error> {
        let seen = container::look(&context.global.store(), &self.id)?;
        match seen.status {
            Status::Created | Status::Running => seen.record.group().pause().map(|()| 0),
            status => {
                let fix = "only a created or running container can be paused";
                Err(Error::WrongState { id: self.id, wanted: "paused", status, fix })
            }
        }
    }

    pub(crate) fn resume(self, context: &Context<'_>) -> Result<i32, Error> {
        let seen = container::look(&context.global.store(), &self.id)?;
        let group = seen.record.group();
        // One that was paused before it was started is still one that waits.
        if group.paused() {
            return group.resume().map(|()| 0);
        }
        let fix = "only a paused container can be resumed";
        Err(Error::WrongState { id: self.id, wanted: "resumed", status: seen.status, fix })
    }
}
