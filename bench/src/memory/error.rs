//! Why memory cannot be measured.

use std::io;
use std::path::PathBuf;

/// Why memory cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The system refused to show a file.
    #[error("reading {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file of the kernel's lacks what is needed of it.
    #[error("reading {}: there is no {word} in it; a Linux kernel from 4.14 on has it", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
        /// What should be in it.
        word: &'static str,
    },
}

impl MemoryError {
    /// The file at `path` cannot be read: for `map_err`.
    pub(super) fn reading(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> MemoryError {
        let path = path.into();
        |source| MemoryError::Read { path, source }
    }
}
