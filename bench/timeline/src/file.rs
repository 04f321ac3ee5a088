//! A file that did not do what was asked: the error that names the step and the path.

use std::io;
use std::path::{Path, PathBuf};

/// What was done, with which file or folder, and what the system said.
#[derive(Debug, thiserror::Error)]
#[error("{step} {}", path.display())]
pub struct FileError {
    /// What was done, as a participle that reads well before a path ("opening").
    pub step: &'static str,
    /// With what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Names the step and the path of a system call that failed.
pub trait At<T> {
    /// `step` reads well before `path`.
    fn at(self, step: &'static str, path: impl AsRef<Path>) -> Result<T, FileError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, step: &'static str, path: impl AsRef<Path>) -> Result<T, FileError> {
        self.map_err(|source| FileError { step, path: path.as_ref().into(), source })
    }
}
