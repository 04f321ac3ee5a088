//! `isolab export`: a run's samples in the formats of other tools. Nothing is measured here.
//!
//! - [`csv`]: every launch, raw: one row each.
//! - [`criterion`]: the folder that criterion and cargo-criterion keep, which critcmp reads.
//! - [`hyperfine`]: hyperfine's `--export-json`, which its plotting scripts read.
//! - [`series`]: for services that follow a project over time: Bencher's metric format (BMF), and the JSON of
//!   github-action-benchmark.
//!
//! What is exported is what the report shows: launches that count, each clock, the median with its interval. What a
//! format has no place for (the host, the commit, warm-up) stays in `samples.json`.

pub mod criterion;
pub mod csv;
pub mod hyperfine;
pub mod series;

use crate::samples::{self, SamplesFile};
use clap::ValueEnum;
use isolab_timeline::file::{At, FileError};
use std::fs;
use std::path::Path;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Every launch, one row each, times in nanoseconds
    Csv,
    /// criterion's folder, with the baseline "isolab": times in nanoseconds
    Criterion,
    /// hyperfine's JSON: times in seconds
    Hyperfine,
    /// Bencher's metric format: the measure latency, in nanoseconds
    Bmf,
    /// github-action-benchmark's customSmallerIsBetter, in milliseconds
    Github,
}

/// Several files, each with its place below the folder that was asked for; or one text.
#[derive(Clone, Debug)]
pub enum Exported {
    /// One text.
    Text(Vec<u8>),
    /// Files of a folder.
    Files(Vec<(String, Vec<u8>)>),
}

/// The samples of `file` in `format`.
pub fn export(file: &SamplesFile, format: Format) -> Exported {
    match format {
        Format::Csv => Exported::Text(csv::text(file).into_bytes()),
        Format::Criterion => Exported::Files(criterion::files(file)),
        Format::Hyperfine => Exported::Text(json(&hyperfine::of(file))),
        Format::Bmf => Exported::Text(json(&series::bmf(file))),
        Format::Github => Exported::Text(json(&series::github(file))),
    }
}

/// Writes what was exported to the file or the folder `to`, each file in one step.
pub fn write(exported: &Exported, to: &Path) -> Result<(), FileError> {
    match exported {
        Exported::Text(text) => put(to, text),
        Exported::Files(files) => files.iter().try_for_each(|(name, text)| {
            let path = to.join(name);
            let folder = path.parent().unwrap_or(to);
            fs::create_dir_all(folder).at("making the folder", folder)?;
            put(&path, text)
        }),
    }
}

fn put(path: &Path, text: &[u8]) -> Result<(), FileError> {
    samples::replace(path, text).at("writing", path)
}

fn json(value: &serde_json::Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("text keys and finite numbers always become JSON");
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests;
