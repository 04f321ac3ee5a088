//! The kernel's modules (`finit_module(2)`).
//!
//! A kernel that has its drivers as modules can do little more than read its initial RAM file system. Each module
//! must find those it uses loaded already; the packer has put them in that order, so that nothing is to be
//! resolved here.

use crate::failure::{Context, Failure};
use isolab_init::start::{Start, key};
use rustix::fs::{Mode, OFlags, open, unlink};
use rustix::io::Errno;
use rustix::system::finit_module;

/// Loads all modules, and frees the memory that their files take.
pub(crate) fn load<'a>(start: &Start<'a>) -> Result<(), Failure<'a>> {
    for path in start.all(key::MODULE) {
        let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).at("opening", path)?;
        match finit_module(file, c"", 0) {
            // The kernel has it built in after all.
            Ok(()) | Err(Errno::EXIST) => {}
            refused => refused.at("loading the module", path)?,
        }
        unlink(path).at("removing", path)?;
    }
    Ok(())
}
