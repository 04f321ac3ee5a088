//! `spec [--rootless] [--bundle DIR]`

use clap::Args;
use isolab_runtime::Error;
use isolab_runtime::oci::{config, default};
use rustix::process::{getegid, geteuid};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Spec {
    /// For an ordinary user: a user namespace, and nothing that needs more
    #[arg(long)]
    rootless: bool,
    /// The folder to write it to
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    bundle: PathBuf,
}

impl Spec {
    pub(crate) fn perform(self) -> Result<i32, Error> {
        let text = if self.rootless {
            default::rootless_template(geteuid().as_raw(), getegid().as_raw())
        } else {
            default::template()
        };
        let path = self.bundle.join(config::FILE);
        let failed = |error: std::io::Error| Error::Path {
            step: "writing (an existing one is left alone)",
            path: path.clone(),
            source: rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO),
        };
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
        file.write_all(format!("{text:#}\n").as_bytes()).map_err(failed)?;
        Ok(0)
    }
}
