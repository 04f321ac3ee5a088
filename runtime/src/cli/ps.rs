//! `ps [--format table|json] ID [OPTION-OF-PS…]`

use super::{Context, output, print_json};
use clap::{Args, ValueEnum};
use isolab_runtime::oci::state::Status;
use isolab_runtime::{Error, container};
use std::io::Write as _;
use std::process::Command;

#[derive(Debug, Args)]
pub(crate) struct Ps {
    /// A table of ps(1), or the process numbers
    #[arg(short, long, default_value = "table")]
    format: Format,
    /// The container's name
    #[arg(value_name = "ID")]
    id: String,
    /// What ps(1) is to show [default: -ef]
    #[arg(value_name = "OPTION", trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

impl Ps {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let seen = container::look(&context.global.store(), &self.id)?;
        if seen.status == Status::Stopped {
            return Err(Error::NotRunning { id: self.id, wanted: "listed", status: seen.status });
        }
        let group = seen.record.group();
        if let Some(why) = group.place().without() {
            let fix = "only a container in a cgroup can be listed";
            return Err(Error::Unavailable { what: "ps", why: why.into(), fix });
        }
        let pids = group.pids()?;
        match self.format {
            Format::Json => print_json(&pids)?,
            Format::Table => {
                let table = table(&self.options)?;
                let rows = rows(&table, &pids);
                std::io::stdout().write_all(rows.as_bytes()).map_err(|error| output(&error))?;
            }
        }
        Ok(0)
    }
}

fn table(options: &[String]) -> Result<String, Error> {
    let default = ["-ef".to_owned()];
    let options = if options.is_empty() { &default } else { options };
    let refused = |why: String| Error::Unavailable {
        what: "ps",
        why,
        fix: "install ps(1) (Debian: procps), or use --format json",
    };
    let table = Command::new("ps").args(options).output().map_err(|error| refused(error.to_string()))?;
    if table.status.success() {
        Ok(String::from_utf8_lossy(&table.stdout).into_owned())
    } else {
        Err(refused(String::from_utf8_lossy(&table.stderr).trim().into()))
    }
}

/// The heading, and the rows of these processes.
fn rows(table: &str, pids: &[i32]) -> String {
    let mut lines = table.lines();
    let heading = lines.next().unwrap_or_default();
    let column = heading.split_whitespace().position(|word| word == "PID");
    let ours = |line: &&str| {
        let pid = column.and_then(|column| line.split_whitespace().nth(column)?.parse::<i32>().ok());
        pid.is_some_and(|pid| pids.contains(&pid))
    };
    let mut rows: Vec<&str> = std::iter::once(heading).chain(lines.filter(ours)).collect();
    rows.push("");
    rows.join("\n")
}
