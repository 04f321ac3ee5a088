//! `events [--stats] [--interval TIME] ID`

use super::{Context, output};
use clap::Args;
use isolab_runtime::cgroup::events::{Event, watch};
use isolab_runtime::identity::Identity;
use isolab_runtime::oci::state::Status;
use isolab_runtime::{Error, container};
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Prints what the container uses once, and ends
    #[arg(long)]
    stats: bool,
    /// How often to print it, such as 500ms, 5s or 1m
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = interval)]
    interval: Duration,
    /// The container's name
    #[arg(value_name = "ID")]
    id: String,
}

impl Events {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let seen = container::look(&context.global.store(), &self.id)?;
        let process = seen.record.process.filter(|_| seen.status != Status::Stopped);
        let Some(process) = process.map(Identity::open).transpose()?.flatten() else {
            return Err(Error::NotRunning { id: self.id, wanted: "watched", status: seen.status });
        };
        let group = seen.record.group();
        let tell = |event| match event {
            Event::Stats(stats) => print(&json!({ "type": "stats", "id": self.id, "data": stats })),
            Event::OutOfMemory => print(&json!({ "type": "oom", "id": self.id })),
        };
        if self.stats {
            tell(Event::Stats(Box::new(group.stats())))?;
        } else {
            watch(&group, process.as_fd(), self.interval, tell)?;
        }
        Ok(0)
    }
}

/// One line an event.
fn print(value: &Value) -> Result<(), Error> {
    writeln!(std::io::stdout(), "{value}").map_err(|error| output(&error))
}

fn interval(text: &str) -> Result<Duration, String> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let parse = |(unit, seconds): (&str, f64)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * seconds);
    let seconds = units.into_iter().find_map(parse).filter(|seconds| (0.001..1e9).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "a time such as 500ms, 5s or 1m".into())
}
