//! What can go wrong with an emulated machine, by step.

use isolab_timeline::file::FileError;
use std::io;
use std::path::PathBuf;

/// Why an emulated machine did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This host lacks something.
    #[error("{what}; fix: {fix}")]
    Unavailable {
        /// What is missing.
        what: String,
        /// What to do about it.
        fix: String,
    },
    /// A file or folder did not do what was asked.
    #[error(transparent)]
    File(#[from] FileError),
    /// A program needs a library that is not here.
    #[error("putting {} in the machine: it needs {library}, which is not on this host", program.display())]
    Library {
        /// The program.
        program: PathBuf,
        /// The library's name.
        library: String,
    },
    /// A path leads out of the place where it shall land.
    #[error("putting {} in the machine: name it by a path without `..`", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// A measured program is missing.
    #[error("finding what goes in the machine")]
    Programs(#[source] crate::programs::Missing),
    /// A kernel of the cache cannot be used.
    #[error("finding a kernel for the machine")]
    Kernel(#[source] crate::kernel::error::Error),
    /// The image was not packed.
    #[error("packing the machine's root")]
    Pack(#[source] isolab_microvm::pack::error::PackError),
    /// The machine ended, and its command did not.
    #[error("the emulated machine ended before its command did; it said: {said}")]
    Died {
        /// The last lines of its console.
        said: String,
    },
    /// What the command wrote cannot be put in its place.
    #[error("bringing back {}", path.display())]
    Results {
        /// The file, or the folder where it belongs.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The command had more time than it may have.
    #[error(
        "the command had not ended after {seconds} s; the emulated machine was switched off, its files are lost"
    )]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// Ctrl-C.
    #[error("interrupted; the emulated machine was switched off, its files are lost")]
    Interrupted,
}
