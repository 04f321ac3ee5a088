//! `list [--format table|json] [--quiet]`

use super::{Context, print_json};
use clap::{Args, ValueEnum};
use isolab_runtime::container::Seen;
use isolab_runtime::{Error, container};
use serde_json::json;
use std::io::Write as _;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// How the list looks
    #[arg(short, long, default_value = "table")]
    format: Format,
    /// Names only
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

impl List {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let all = container::look_at_all(&context.global.store())?;
        match self.format {
            _ if self.quiet => {
                print(&all.iter().map(|seen| seen.record.id.clone() + "\n").collect::<String>())?;
            }
            Format::Json => print_json(&all.iter().map(as_json).collect::<Vec<_>>())?,
            Format::Table => print(&table(&all))?,
        }
        Ok(0)
    }
}

fn as_json(seen: &Seen) -> serde_json::Value {
    let record = &seen.record;
    json!({
        "ociVersion": record.oci_version, "id": record.id, "pid": seen.pid(), "status": seen.status,
        "bundle": record.bundle, "created": record.created, "annotations": record.annotations,
        "owner": record.owner.to_string(),
    })
}

fn table(all: &[Seen]) -> String {
    let head = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(String::from);
    let row = |seen: &Seen| {
        let record = &seen.record;
        let (id, bundle) = (record.id.clone(), record.bundle.display().to_string());
        let owner = record.owner.to_string();
        [id, seen.pid().to_string(), seen.status.to_string(), bundle, record.created.clone(), owner]
    };
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(all.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0) + 4;
    let line = |row: &[String; 6]| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn print(text: &str) -> Result<(), Error> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| super::output(&error))
}
