//! What can go wrong while an initial RAM file system is packed.

use crate::decompress::DecompressError;
use isolab_timeline::file::FileError;
use std::io;
use std::path::PathBuf;

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file or folder cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something that has no meaning in another machine.
    #[error("packing {}: it is a socket, which nothing in the guest would answer; remove it", .0.display())]
    Socket(PathBuf),
    /// The format's sizes have 32 bits.
    #[error("packing {}: a file of 4 GiB or more; put it on a disk image", .0.display())]
    Huge(PathBuf),
    /// The archive and what the kernel unpacks from it must fit in the guest's memory together.
    #[error(
        "packing {}: with it the root takes more than {} MiB, half of the guest's memory; give the guest more, or use a disk image",
        path.display(), most >> 20
    )]
    TooLarge {
        /// Where it became too much.
        path: PathBuf,
        /// How much there may be, in bytes.
        most: u64,
    },
    /// A file became shorter while it was read.
    #[error("packing {}: it changed while it was read", .0.display())]
    Changed(PathBuf),
    /// The archive cannot be written.
    #[error("writing the initial RAM file system")]
    Write(#[source] io::Error),
    /// A kernel lacks a module.
    #[error("no module {name} in {}, nor is it built into that kernel (needed by {user})", folder.display())]
    NoModule {
        /// The module.
        name: String,
        /// What needs it.
        user: String,
        /// The kernel's folder of modules.
        folder: PathBuf,
    },
    /// Modules need each other in a circle.
    #[error("the module {} needs itself", .0.display())]
    Circle(PathBuf),
    /// A file is no module of a kernel.
    #[error("{} is no kernel module: {why}", path.display())]
    NotAModule {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A compressed module cannot be unpacked.
    #[error("unpacking the module {}", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: DecompressError,
    },
    /// An argument with a zero byte, which no C string can hold.
    #[error("the command, its environment, its folder and the host's name must not contain a zero byte")]
    ZeroByte,
}
