//! Packs the first root of a Linux guest: an initial RAM file system, made of a folder of the host (kernel
//! documentation, "Using the initial RAM disk"; "initramfs buffer format").
//!
//! ```text
//! /init               isolab-init, which the kernel executes as PID 1
//! /dev/console        the console, which the kernel opens for it
//! /isolab/start       what it shall do
//! /isolab/modules/    the kernel's modules, named in the order in which they are loaded
//! /root/              the root folder, unless the root is a disk
//! ```
//!
//! 1. [`cpio`]: the archive, written as it is read; nothing of it is held in memory.
//! 2. [`modules`]: which modules of a kernel are needed, and in which order.
//! 3. [`start`]: what is to be started, as records.
//! 4. [`begin`]: all of the archive but the root. What follows is the caller's, and then [`Archive::finish`].
//!
//! The same folder gives the same archive, byte for byte: names are sorted, and there are no times in it.
//!
//! [`Archive::finish`]: cpio::Archive::finish

pub mod cpio;
pub mod error;
pub mod modules;
pub mod start;

use cpio::Archive;
use error::PackError;
use isolab_timeline::file::At;
use modules::Module;
use start::Start;
use std::fs;
use std::io::Write;
use std::path::Path;

/// The folder of the archive that becomes the guest's root.
pub const ROOT: &str = "root";

/// Begins an archive of at most `most` bytes: all but the root. `init` is the program `isolab-init`.
pub fn begin<W: Write>(
    to: W,
    most: u64,
    init: &Path,
    modules: &[Module],
    start: &Start,
) -> Result<Archive<W>, PackError> {
    let mut archive = Archive::new(to, most);
    archive.folder("dev", 0o755)?;
    archive.console("dev/console")?;
    archive.file("init", 0o755, &fs::read(init).at("reading", init)?)?;
    archive.folder("isolab", 0o755)?;
    archive.folder("isolab/modules", 0o755)?;
    let mut paths = Vec::with_capacity(modules.len());
    for (number, module) in modules.iter().enumerate() {
        let path = format!("isolab/modules/{number:02}-{}.ko", module.name);
        archive.file(&path, 0o644, &module.read()?)?;
        paths.push(format!("/{path}"));
    }
    archive.file("isolab/start", 0o644, &start.records(&paths)?)?;
    Ok(archive)
}
