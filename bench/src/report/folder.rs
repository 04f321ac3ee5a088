//! All files of a report at once, or none: written beside the old folder, then put in its place.
//!
//! `renameat2(2)` with `RENAME_EXCHANGE` swaps two folders in one step, so at every moment a reader finds
//! a whole report. The old one is removed after the swap, never before. Some file systems cannot
//! exchange; there the old folder is moved aside first, and back if anything fails.

use crate::samples::put;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A report cannot be put in its place; an older one there is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The system refused.
    #[error("writing report {}: {source}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Replacing the folder would delete what is no report's.
    #[error(
        "writing report {}: it holds {}, which is no part of a report; give a new or empty folder",
        path.display(),
        alien.display()
    )]
    NotAReport {
        /// The folder.
        path: PathBuf,
        /// The first thing in it that no report has.
        alien: PathBuf,
    },
}

/// Puts a folder with these files (name, content) at `folder`. One without content is not written: an older report
/// may have it, and this one has not.
pub fn replace(folder: &Path, files: &[(&str, Option<&[u8]>)]) -> Result<(), ReportError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Write { path, source }
    };
    // Resolved first: "." has no parent in its text, and a link is to stay a link.
    let folder = &match folder.canonicalize() {
        Ok(existing) => existing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::path::absolute(folder).map_err(failed(folder))?
        }
        Err(error) => return Err(failed(folder)(error)),
    };
    refuse_aliens(folder, files)?;
    let new = Doomed(beside(folder, "new"));
    fs::create_dir_all(&new.0).map_err(failed(folder))?;
    for (name, content) in files.iter().filter_map(|(name, content)| Some((name, (*content)?))) {
        // The error names where the file was to end up; the folder it was written to is gone by then.
        put(&new.0.join(name), content).map_err(failed(&folder.join(name)))?;
    }
    match renameat_with(CWD, &new.0, CWD, folder, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::NOENT) => fs::rename(&new.0, folder).map_err(failed(folder)),
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            let old = Doomed(beside(folder, "old"));
            fs::rename(folder, &old.0).map_err(failed(folder))?;
            fs::rename(&new.0, folder).map_err(|source| {
                // The old report goes back; if even that fails it is still there under its other name.
                if fs::rename(&old.0, folder).is_err() {
                    std::mem::forget(old);
                }
                failed(folder)(source)
            })
        }
        Err(error) => Err(failed(folder)(error.into())),
    }
}

/// A folder that goes away with this value: a new one that failed, or an old one that was replaced.
struct Doomed(PathBuf);

impl Drop for Doomed {
    fn drop(&mut self) {
        // Best effort: what was to be told about it has been told.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `.NAME.WORD-PID` beside `folder`: on the same file system, where a rename is possible.
fn beside(folder: &Path, word: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or(OsStr::new("report")).display();
    folder.with_file_name(format!(".{name}.{word}-{}", std::process::id()))
}

fn refuse_aliens(folder: &Path, files: &[(&str, Option<&[u8]>)]) -> Result<(), ReportError> {
    let failed = |source| ReportError::Write { path: folder.into(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let alien = entry.map_err(failed)?.file_name();
        if !files.iter().any(|(name, _)| *name == alien) {
            return Err(ReportError::NotAReport { path: folder.into(), alien: alien.into() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
