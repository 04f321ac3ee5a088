//! `isolab report`, as the user sees it.

use crate::print;
use clap::Args;
use isolab::report;
use isolab::samples::{SamplesFile, join};
use std::path::PathBuf;

#[derive(Args, Debug)]
#[command(after_help = "\
Several files become one report when they are of the same host, clock and commit, and no two measured the same part.

Examples:
  isolab report reports/latest/samples.json
  isolab report latest/samples.json tax/samples.json --out whole")]
pub(crate) struct Report {
    /// What was measured: the samples.json of a run, or of several
    #[arg(required = true, value_name = "SAMPLES.json")]
    samples: Vec<PathBuf>,
    /// The report's folder; an older report in it is replaced
    #[arg(long, value_name = "DIR", default_value = "reports/latest")]
    out: PathBuf,
}

pub(crate) fn perform(options: Report) -> anyhow::Result<u8> {
    let read = |path: PathBuf| SamplesFile::read(&path).map(|file| (path, file));
    let files = options.samples.into_iter().map(read).collect::<Result<_, _>>()?;
    report::write(&options.out, &join::join(files)?)?;
    let folder = options.out.display();
    print(format!("The report is in {folder}: open {folder}/report.html\n").as_bytes())?;
    Ok(0)
}
