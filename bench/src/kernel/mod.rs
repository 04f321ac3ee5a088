//! `isolab kernel`: kernels for the guests, ready to boot.
//!
//! What happens between `isolab kernel get` and a kernel that a VM can boot, in order:
//!
//! 1. [`get`]: where it comes from: a signed package (by `apt.rs`), this host's `/boot`, or a file;
//!    or [`build`]: compiled from the distribution's source with our own configuration.
//! 2. [`image`], [`isolab_microvm::decompress`]: the vmlinux inside a bzImage, unpacked and checked.
//! 3. [`manifest`]: the SHA-256 of each file.
//! 4. [`cache`]: put in its place in one step, and verified again on each use.
//!
//! Beside the path: [`error`], and `tool.rs` (how other programs are run).

mod apt;
pub mod build;
pub mod cache;
pub mod error;
pub mod get;
pub mod image;
pub mod manifest;
pub(crate) mod tool;
