//! Kernels for the guests, ready to boot.
//!
//! [`image`], [`decompress`]: the vmlinux inside a bzImage, unpacked and checked.

pub mod decompress;
pub mod image;
