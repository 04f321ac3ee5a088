//! `clean [--json]`

use super::Context;
use clap::Args;
use isolab_runtime::error::FAILED;
use isolab_runtime::{Error, container};
use std::io::Write as _;

#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// Prints what was removed as JSON
    #[arg(long)]
    json: bool,
}

impl Clean {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let swept = container::sweep(&context.global.store())?;
        let text = if self.json {
            let left = swept.left.iter().map(|(path, why)| serde_json::json!({ "path": path, "why": why }));
            let left: Vec<_> = left.collect();
            format!("{}\n", serde_json::json!({ "removed": swept.removed, "left": left }))
        } else {
            let lines = swept.removed.iter().map(|path| format!("removed {}", path.display()) + "\n");
            lines.collect()
        };
        std::io::stdout().write_all(text.as_bytes()).map_err(|error| super::output(&error))?;
        for (path, why) in &swept.left {
            eprintln!("isolab-runtime: removing {}: {why}", path.display());
        }
        Ok(if swept.left.is_empty() { 0 } else { FAILED })
    }
}
