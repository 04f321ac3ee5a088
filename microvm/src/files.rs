//! Opening the files that a VM is made of (`open(2)`): kernels, initial RAM file systems, disks.

use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens the file at `path` to be read, and written too if `write`.
///
/// Without waiting: a pipe would otherwise not open before somebody writes to it, and whoever gave one by mistake
/// would not be told.
pub(crate) fn open(path: &Path, write: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(write).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)
}
