//! The archive: cpio in the "newc" format, the one that the kernel unpacks (`cpio(5)`; kernel documentation,
//! "initramfs buffer format").
//!
//! Each entry is a header of 110 bytes (a magic number and thirteen numbers of eight hexadecimal digits), its
//! name and its content, both filled up to four bytes. A folder must come before what lies in it, and an entry
//! called `TRAILER!!!` ends the archive.

use super::error::PackError;
use isolab_timeline::file::At;
use rustix::process::{getegid, geteuid};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

const MAGIC: &[u8] = b"070701";
const TRAILER: &str = "TRAILER!!!";
const ALIGNMENT: u64 = 4;
/// How much of a file is read at once, in bytes.
const PIECE: usize = 1 << 17;

/// Types of files, in the upper bits of their mode (`inode(7)`).
const FOLDER: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive that is being written.
#[derive(Debug)]
pub struct Archive<W> {
    to: W,
    /// Bytes written, and how many they may become.
    written: u64,
    most: u64,
    entries: u32,
    /// The user and the group who pack. What is theirs is root's in the guest, as it is in their containers.
    own: (u32, u32),
}

/// What an entry's header says.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    mode: u32,
    user: u32,
    group: u32,
    /// Major and minor number of a device.
    device: (u32, u32),
    size: u32,
}

impl<W: Write> Archive<W> {
    /// An empty archive of at most `most` bytes.
    pub fn new(to: W, most: u64) -> Archive<W> {
        Archive { to, written: 0, most, entries: 0, own: (geteuid().as_raw(), getegid().as_raw()) }
    }

    /// Adds a folder of root's.
    pub fn folder(&mut self, name: impl AsRef<Path>, mode: u32) -> Result<(), PackError> {
        let name = name.as_ref();
        self.entry(name, Header { mode: FOLDER | mode, ..Header::default() }, name)
    }

    /// Adds a file of root's.
    pub fn file(&mut self, name: impl AsRef<Path>, mode: u32, content: &[u8]) -> Result<(), PackError> {
        let path = name.as_ref();
        let size = u32::try_from(content.len()).map_err(|_| PackError::Huge(path.into()))?;
        self.entry(path, Header { mode: REGULAR | mode, size, ..Header::default() }, path)?;
        self.content(content)
    }

    /// Adds a symbolic link of root's.
    pub fn link(&mut self, name: impl AsRef<Path>, target: &Path) -> Result<(), PackError> {
        let (name, target) = (name.as_ref(), target.as_os_str().as_bytes());
        let size = target.len() as u32;
        self.entry(name, Header { mode: LINK | 0o777, size, ..Header::default() }, name)?;
        self.content(target)
    }

    /// Adds the console's node.
    pub fn console(&mut self, name: &str) -> Result<(), PackError> {
        let header = Header { mode: CHARACTER_DEVICE | 0o600, device: (5, 1), ..Header::default() };
        self.entry(Path::new(name), header, Path::new(name))
    }

    /// Adds the folder `host`, with all that is in it, under the name `name`.
    pub fn tree(&mut self, name: impl AsRef<Path>, host: &Path) -> Result<(), PackError> {
        // Of the folder itself a link is followed, as a path on a command line is.
        let found = fs::metadata(host).at("looking at", host)?;
        if !found.is_dir() {
            Err(io::Error::from(io::ErrorKind::NotADirectory)).at("packing", host)?;
        }
        let mut open = vec![(name.as_ref().to_path_buf(), host.to_path_buf(), found)];
        while let Some((name, host, found)) = open.pop() {
            self.found(&name, &host, &found)?;
            if !found.is_dir() {
                continue;
            }
            let mut names = Vec::new();
            for entry in fs::read_dir(&host).at("reading the folder", &host)? {
                names.push(entry.at("reading the folder", &host)?.file_name());
            }
            // What is pushed first is popped last.
            names.sort_unstable_by(|a, b| b.cmp(a));
            for below in names {
                let path = host.join(&below);
                let found = fs::symlink_metadata(&path).at("looking at", &path)?;
                open.push((name.join(below), path, found));
            }
        }
        Ok(())
    }

    /// Adds one file of the host, of any kind, under the name `name`. A symbolic link is followed.
    pub fn copy(&mut self, name: impl AsRef<Path>, host: &Path) -> Result<(), PackError> {
        let found = fs::metadata(host).at("looking at", host)?;
        self.found(name.as_ref(), host, &found)
    }

    /// Ends the archive. Returns what it was written to.
    pub fn finish(mut self) -> Result<W, PackError> {
        self.entry(Path::new(TRAILER), Header::default(), Path::new(TRAILER))?;
        self.to.flush().map_err(PackError::Write)?;
        Ok(self.to)
    }

    /// Adds what was found at `host`, without what may be in it.
    fn found(&mut self, name: &Path, host: &Path, found: &Metadata) -> Result<(), PackError> {
        let kind = found.file_type();
        if kind.is_socket() {
            return Err(PackError::Socket(host.into()));
        }
        let mut header = Header {
            mode: found.mode(),
            user: if found.uid() == self.own.0 { 0 } else { found.uid() },
            group: if found.gid() == self.own.1 { 0 } else { found.gid() },
            ..Header::default()
        };
        if kind.is_symlink() {
            let target = fs::read_link(host).at("reading the link", host)?;
            header.size = target.as_os_str().len() as u32;
            self.entry(name, header, host)?;
            return self.content(target.as_os_str().as_bytes());
        }
        if kind.is_file() {
            header.size = u32::try_from(found.len()).map_err(|_| PackError::Huge(host.into()))?;
            self.entry(name, header, host)?;
            return self.stream(host, header.size.into());
        }
        if kind.is_char_device() || kind.is_block_device() {
            let device = found.rdev();
            header.device = (rustix::fs::major(device), rustix::fs::minor(device));
        }
        self.entry(name, header, host)
    }

    /// Writes an entry's header and name. `host` is what an error names.
    fn entry(&mut self, name: &Path, header: Header, host: &Path) -> Result<(), PackError> {
        let name = name.as_os_str().as_bytes();
        let Header { mode, user, group, device, size } = header;
        self.entries += 1;
        let mut bytes = MAGIC.to_vec();
        // Number, mode, user, group, links, time, size; device that it lies on; device that it is; name, checksum.
        let fields = [self.entries, mode, user, group, 1, 0, size, 0, 0, device.0, device.1];
        for field in fields.into_iter().chain([name.len() as u32 + 1, 0]) {
            bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        bytes.extend_from_slice(name);
        bytes.push(0);
        self.reserve(bytes.len() as u64 + u64::from(size), host)?;
        self.content(&bytes)
    }

    /// Refuses what would become too large before any of it is written.
    fn reserve(&self, more: u64, host: &Path) -> Result<(), PackError> {
        let fits = self.written.checked_add(more).is_some_and(|whole| whole <= self.most);
        if fits { Ok(()) } else { Err(PackError::TooLarge { path: host.into(), most: self.most }) }
    }

    /// Writes bytes and what fills them up.
    fn content(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        self.to.write_all(bytes).map_err(PackError::Write)?;
        self.fill(bytes.len() as u64)
    }

    /// Writes the content of a file, which must be as long as its header says.
    fn stream(&mut self, host: &Path, size: u64) -> Result<(), PackError> {
        let mut file = File::open(host).at("opening", host)?.take(size);
        let mut buffer = vec![0; PIECE];
        let mut copied = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) if copied == size => return self.fill(size),
                Ok(0) => return Err(PackError::Changed(host.into())),
                Ok(length) => {
                    self.to.write_all(&buffer[..length]).map_err(PackError::Write)?;
                    copied += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => Err(error).at("reading", host)?,
            }
        }
    }

    fn fill(&mut self, length: u64) -> Result<(), PackError> {
        let filled = length.next_multiple_of(ALIGNMENT);
        self.to.write_all(&[0; 3][..(filled - length) as usize]).map_err(PackError::Write)?;
        self.written += filled;
        Ok(())
    }
}
