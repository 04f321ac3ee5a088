//! The options of `isolab export`.

use clap::Args;
use isolab::export::Format;
use std::path::PathBuf;

/// Writes the samples of a run in the format of another tool.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  isolab export --to hyperfine reports/latest/samples.json > hyperfine.json
  isolab export --to csv --out samples.csv reports/latest/samples.json
  isolab export --to criterion --out target/criterion reports/latest/samples.json && critcmp isolab
  isolab export --to bmf samples.json > bmf.json && bencher run --adapter json --file bmf.json")]
pub(crate) struct Export {
    /// A run's samples.json
    #[arg(value_name = "SAMPLES")]
    pub(crate) samples: PathBuf,
    /// The format
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Format,
    /// The file to write, or for criterion its folder; standard output if not given
    #[arg(long, value_name = "PATH", required_if_eq("to", "criterion"))]
    pub(crate) out: Option<PathBuf>,
}
