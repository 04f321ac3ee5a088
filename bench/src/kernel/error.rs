//! Errors of getting and building a kernel, by step.

use super::image::ImageError;
use isolab_timeline::file::FileError;
use std::path::PathBuf;

/// Why there is no kernel.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder did not do what was asked.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is no kernel.
    #[error("taking the kernel out of {}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ImageError,
    },
    /// A file in the cache is not what was put there.
    #[error("{} is damaged ({why}); fix: rm -r {}, then `isolab kernel get` or `build` again", path.display(), folder.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its entry in the cache.
        folder: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The cache has no kernel of this name.
    #[error("no kernel {name:?} in {}; there is: {have}; fix: `isolab kernel get` or `isolab kernel build`", folder.display())]
    NotCached {
        /// The name that was asked for.
        name: String,
        /// The cache's folder.
        folder: PathBuf,
        /// Names that there are.
        have: String,
    },
    /// Neither `XDG_CACHE_HOME` nor `HOME` says where a cache may be.
    #[error("no folder for the cache: neither XDG_CACHE_HOME nor HOME is an absolute path; fix: set one")]
    NoFolder,
    /// This host lacks something.
    #[error("{what}; fix: {fix}")]
    Unavailable {
        /// What is missing.
        what: String,
        /// What to do about it.
        fix: String,
    },
    /// A program that was started failed.
    #[error("`{command}` failed ({status}): {said}")]
    Tool {
        /// Its command line.
        command: String,
        /// How it ended.
        status: String,
        /// The last lines that it printed.
        said: String,
    },
    /// An option of our configuration is unknown to this kernel or lacks something.
    #[error("this kernel source does not take {options} from the configuration fragment")]
    Options {
        /// The options' lines.
        options: String,
    },
    /// Ctrl-C.
    #[error("interrupted; nothing was kept")]
    Interrupted,
}
