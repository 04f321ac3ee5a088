//! A root, as `--rootfs` names it: a folder, or the image of a disk that is recognised by its superblock.
//!
//! EROFS keeps its superblock at byte 1024 and begins it with a magic number; ext2, ext3 and ext4 keep theirs
//! there too, with one 56 bytes into it (kernel documentation, "EROFS - Enhanced Read-Only File System" and "ext4
//! Data Structures and Algorithms"). Another format is not guessed at: mounting it in the guest would fail late.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const SUPERBLOCK: u64 = 1024;
const EROFS_MAGIC: [u8; 4] = 0xe0f5_e1e2_u32.to_le_bytes();
const EXT_MAGIC: [u8; 2] = 0xef53_u16.to_le_bytes();
const EXT_MAGIC_AT: usize = 56;

/// What a root is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rootfs {
    /// A folder.
    Folder,
    /// The image of a disk, with a file system of this type.
    Image(&'static str),
}

/// Why there is no root.
#[derive(Debug, thiserror::Error)]
pub enum RootfsError {
    /// It cannot be read.
    #[error("reading the root {}", path.display())]
    Read {
        /// The folder or image.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Neither a folder nor an image that is known.
    #[error("the root {} is neither a folder nor an EROFS or ext4 image", .0.display())]
    Unknown(PathBuf),
}

impl Rootfs {
    /// Looks at what lies at `path`.
    pub fn at(path: &Path) -> Result<Rootfs, RootfsError> {
        let refused = |source| RootfsError::Read { path: path.into(), source };
        let found = path.metadata().map_err(refused)?;
        if found.is_dir() {
            return Ok(Rootfs::Folder);
        }
        if !found.is_file() {
            // A pipe or a device may never answer.
            return Err(RootfsError::Unknown(path.into()));
        }
        let mut start = [0; EXT_MAGIC_AT + EXT_MAGIC.len()];
        match File::open(path).and_then(|file| file.read_exact_at(&mut start, SUPERBLOCK)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            read => read.map_err(refused)?,
        }
        match start {
            _ if start.starts_with(&EROFS_MAGIC) => Ok(Rootfs::Image("erofs")),
            _ if start.ends_with(&EXT_MAGIC) => Ok(Rootfs::Image("ext4")),
            _ => Err(RootfsError::Unknown(path.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_superblock_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Rootfs::at(folder.path()).unwrap(), Rootfs::Folder);
        let image = |magic: &[u8], at: usize| {
            let mut content = vec![0; 2048];
            content[at..at + magic.len()].copy_from_slice(magic);
            let path = folder.path().join("image");
            std::fs::write(&path, content).unwrap();
            Rootfs::at(&path)
        };
        assert_eq!(image(&[0xe2, 0xe1, 0xf5, 0xe0], 1024).unwrap(), Rootfs::Image("erofs"));
        assert_eq!(image(&[0x53, 0xef], 1080).unwrap(), Rootfs::Image("ext4"));
        assert!(matches!(image(&[0x53, 0xef], 1024), Err(RootfsError::Unknown(_))));
        let short = folder.path().join("short");
        std::fs::write(&short, "hello").unwrap();
        assert!(matches!(Rootfs::at(&short), Err(RootfsError::Unknown(_))));
        assert!(matches!(Rootfs::at(Path::new("/dev/null")), Err(RootfsError::Unknown(_))));
        assert!(matches!(Rootfs::at(Path::new("/nowhere")), Err(RootfsError::Read { .. })));
    }
}
