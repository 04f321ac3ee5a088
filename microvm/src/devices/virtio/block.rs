//! A disk (VIRTIO 1.2, 5.2), which is a file of the host: sector N of the one is sector N of the other.
//!
//! A request is a header (what, and from which sector on), its data, and a byte for how it went. Data goes between
//! the file and guest memory without a copy in between (`read(2)`, `write(2)` on the guest's own pages). A
//! read-only file may be the disk of many VMs, which then share the host's page cache; a file that is written
//! belongs to one VM, and a lock sees to that (`flock(2)`).
//!
//! When the file fails (it shrank, the host's disk is full), that request fails, and the guest decides what
//! that means to it.

use super::request::Request;
use super::ring::{Answer, Served, serve};
use super::{Backend, Broken, Complaint, GuestMemory};
use crate::files;
use std::fs::{File, TryLockError};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_RO, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_ID_BYTES,
    VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID,
    VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
};
use virtio_bindings::virtio_ids::VIRTIO_ID_BLOCK;
use virtio_queue::Queue;

/// What a disk is counted in, in bytes.
pub const SECTOR: u64 = 512;
/// The longest buffer of a request, and the most of them: together, how long one request can keep the host busy.
const LONGEST_BUFFER: u32 = 64 << 10;
const MOST_BUFFERS: u32 = 126;
const LONGEST: u64 = LONGEST_BUFFER as u64 * MOST_BUFFERS as u64;

/// Why a file cannot be a disk.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// It cannot be opened, locked or measured.
    #[error("opening the drive {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the kernel answered.
        source: io::Error,
    },
    /// It is a folder, a pipe or the like.
    #[error("the drive {0} is neither a file nor a block device")]
    Kind(PathBuf),
    /// Its end would be in the middle of a sector.
    #[error("the drive {path} has {size} bytes: give it whole sectors (`truncate -s %{SECTOR} {path}`)")]
    Size {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        size: u64,
    },
    /// Another VM has it.
    #[error(
        "the drive {0} is in use: a drive that is written to has one user; many can share it read-only (`:ro`)"
    )]
    InUse(PathBuf),
}

/// A disk.
#[derive(Debug)]
pub struct Block {
    path: PathBuf,
    file: File,
    read_only: bool,
    sectors: u64,
    /// Its configuration space: how many sectors, the longest buffer, the most buffers.
    config: [u8; 16],
    complaint: Complaint,
}

impl Block {
    /// Makes the file at `path` a disk.
    pub fn open(path: &Path, read_only: bool) -> Result<Block, DriveError> {
        let failed = |source| DriveError::Open { path: path.into(), source };
        let mut file = files::open(path, !read_only).map_err(failed)?;
        let kind = file.metadata().map_err(failed)?.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            return Err(DriveError::Kind(path.into()));
        }
        let lock = if read_only { file.try_lock_shared() } else { file.try_lock() };
        lock.map_err(|error| match error {
            TryLockError::WouldBlock => DriveError::InUse(path.into()),
            TryLockError::Error(source) => failed(source),
        })?;
        let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
        if size == 0 || !size.is_multiple_of(SECTOR) {
            return Err(DriveError::Size { path: path.into(), size });
        }
        let sectors = size / SECTOR;
        let mut config = [0; 16];
        config[..8].copy_from_slice(&sectors.to_le_bytes());
        config[8..12].copy_from_slice(&LONGEST_BUFFER.to_le_bytes());
        config[12..].copy_from_slice(&MOST_BUFFERS.to_le_bytes());
        Ok(Block { path: path.into(), file, read_only, sectors, config, complaint: Complaint::default() })
    }

    /// Answers a request; how it went, and how many bytes it got.
    fn answer(&mut self, request: &mut Request<'_>, kind: u32, sector: u64) -> Result<(u32, u32), Broken> {
        let wanted = request.writable.length();
        let done = match kind {
            VIRTIO_BLK_T_IN => self.seek(sector, wanted).and_then(|()| request.write_from(&mut self.file)),
            VIRTIO_BLK_T_OUT if self.read_only => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            VIRTIO_BLK_T_OUT => {
                let given = request.readable.length();
                self.seek(sector, given).and_then(|()| request.read_to(&mut self.file))
            }
            VIRTIO_BLK_T_FLUSH if !self.read_only => self.file.sync_data(),
            VIRTIO_BLK_T_GET_ID => {
                let id = self.serial();
                request.write(&id[..id.len().min(wanted as usize)], "its serial number")?;
                Ok(())
            }
            _ => return Ok((VIRTIO_BLK_S_UNSUPP, 0)),
        };
        match done {
            Ok(()) if matches!(kind, VIRTIO_BLK_T_IN | VIRTIO_BLK_T_GET_ID) => {
                Ok((VIRTIO_BLK_S_OK, (wanted - request.writable.length()) as u32))
            }
            Ok(()) => Ok((VIRTIO_BLK_S_OK, 0)),
            Err(error) => {
                let path = &self.path;
                self.complaint.once(|| {
                    format!("the drive {}, sector {sector}: {error}; the guest was told", path.display())
                });
                Ok((VIRTIO_BLK_S_IOERR, 0))
            }
        }
    }

    /// Goes to `sector`, from which `length` bytes are wanted: whole sectors of the disk, and not too many.
    fn seek(&mut self, sector: u64, length: u64) -> io::Result<()> {
        let inside =
            sector.checked_add(length / SECTOR).is_some_and(|end| end <= self.sectors && length <= LONGEST);
        if !inside || !length.is_multiple_of(SECTOR) {
            return Err(io::Error::other("the guest asked for what is not on it"));
        }
        self.file.seek(SeekFrom::Start(sector * SECTOR)).map(drop)
    }

    /// Its serial number: the file's name, as far as there is room.
    fn serial(&self) -> [u8; VIRTIO_BLK_ID_BYTES as usize] {
        let name = self.path.file_name().unwrap_or_default().as_encoded_bytes();
        let mut id = [0; VIRTIO_BLK_ID_BYTES as usize];
        id.iter_mut().zip(name).for_each(|(to, &from)| *to = from);
        id
    }
}

impl Backend for Block {
    fn id(&self) -> u32 {
        VIRTIO_ID_BLOCK
    }

    fn features(&self) -> u64 {
        let writing = if self.read_only { VIRTIO_BLK_F_RO } else { VIRTIO_BLK_F_FLUSH };
        1 << writing | 1 << VIRTIO_BLK_F_SIZE_MAX | 1 << VIRTIO_BLK_F_SEG_MAX
    }

    fn queues(&self) -> usize {
        1
    }

    fn config(&self) -> &[u8] {
        &self.config
    }

    fn serve(&mut self, _: usize, queue: &mut Queue, memory: &GuestMemory) -> Result<Served, Broken> {
        serve(queue, memory, |request| {
            let mut header = [0; 16];
            request.read(&mut header, "its header")?;
            let [kind, _reserved, low, high] = std::array::from_fn(|word| {
                u32::from_le_bytes(std::array::from_fn(|byte| header[4 * word + byte]))
            });
            let status = request.status()?;
            let (how, got) = self.answer(request, kind, u64::from(high) << 32 | u64::from(low))?;
            status.write(how as u8)?;
            Ok(Answer::Done(got + 1))
        })
    }
}

#[cfg(test)]
mod tests;
