//! The initial RAM file system (kernel documentation, "Using the initial RAM disk"; `cpio(5)`): a file that lies
//! in memory when the kernel starts, which unpacks it to its first root.
//!
//! It goes to the top of memory, as far from the kernel as can be: the kernel unpacks it and then frees the
//! place.

use super::kernel::Kernel;
use crate::memory::Memory;
use crate::{Error, files};
use std::fs::File;
use std::io;
use std::path::Path;
use vm_memory::{Bytes, GuestAddress};

/// It begins at a page.
const PAGE: u64 = 4096;

/// Where it lies in guest memory, and how long it is, both in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Initrd {
    /// Its first address.
    pub start: u32,
    /// Its length.
    pub size: u32,
}

/// Why a file cannot be an initial RAM file system.
#[derive(Debug, thiserror::Error)]
pub enum InitrdError {
    /// The file cannot be opened or measured.
    #[error("reading it")]
    Read(#[from] io::Error),
    /// It is a folder, a pipe or the like.
    #[error("this is no file; give one that is a cpio archive")]
    Kind,
    /// It does not fit between the kernel and the end of memory.
    #[error("its {size} bytes do not fit in the {room} that the kernel leaves; give the VM more memory")]
    TooLarge {
        /// Its length.
        size: u64,
        /// What there is for it.
        room: u64,
    },
    /// The file ended before its end, or guest memory did.
    #[error("copying it to guest memory")]
    Copy(#[from] vm_memory::GuestMemoryError),
}

/// Copies the file at `path` to the top of the memory that `kernel` can reach and leaves.
pub fn load(path: &Path, memory: &Memory, kernel: &Kernel) -> Result<Initrd, Error> {
    files::open(path, false)
        .map_err(InitrdError::Read)
        .and_then(|file| copy(file, memory, kernel))
        .map_err(|source| Error::Initrd { path: path.into(), source })
}

fn copy(mut file: File, memory: &Memory, kernel: &Kernel) -> Result<Initrd, InitrdError> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(InitrdError::Kind);
    }
    let size = metadata.len();
    let start = place(size, kernel.end, memory.low_end(), kernel.header.initrd_addr_max)?;
    memory.map().read_exact_volatile_from(GuestAddress(start), &mut file, size as usize)?;
    Ok(Initrd { start: start as u32, size: size as u32 })
}

/// The highest page at which `size` bytes fit: behind `kernel_end`, before `memory_end`, and with their last
/// byte at `most` or below.
fn place(size: u64, kernel_end: u64, memory_end: u64, most: u32) -> Result<u64, InitrdError> {
    let end = memory_end.min(u64::from(most) + 1);
    end.checked_sub(size)
        .map(|start| start & !(PAGE - 1))
        .filter(|&start| start >= kernel_end)
        .ok_or(InitrdError::TooLarge { size, room: end.saturating_sub(kernel_end) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lies_at_the_top_at_a_page_and_never_on_the_kernel() {
        assert_eq!(place(5000, 0x20_0000, 0x40_0000, u32::MAX).unwrap(), 0x3f_e000);
        assert_eq!(place(4096, 0x20_0000, 0x40_0000, 0x2f_ffff).unwrap(), 0x2f_f000);
        assert_eq!(place(0x20_0000, 0x20_0000, 0x40_0000, u32::MAX).unwrap(), 0x20_0000);
        for size in [0x20_0001, u64::MAX] {
            assert!(matches!(
                place(size, 0x20_0000, 0x40_0000, u32::MAX),
                Err(InitrdError::TooLarge { room: 0x20_0000, .. })
            ));
        }
    }
}
