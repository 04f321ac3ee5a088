//! How what a command wrote, and its exit status, leave the machine: one tar archive (`tar(5)`) on a channel.
//!
//! The last entry is the status. An archive without it was cut: the machine died, or the disk was full. Nothing is
//! put in its place before the whole of it has been looked at.

use super::error::Error;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tar::{Archive, Builder, EntryType, Header};

/// The entry with the status, in decimal digits.
const STATUS: &str = ".isolab-status";
/// More entries than any report has: a machine that sends without end is stopped here.
const MOST_ENTRIES: usize = 1_000_000;

/// What was in a folder, and what tells whether it has changed since: nobody can set a time of change
/// (`st_ctime`, `inode(7)`).
#[derive(Debug, Default)]
pub struct Snapshot(BTreeMap<PathBuf, (u64, i64, i64)>);

impl Snapshot {
    /// Looks at everything below `folder`.
    pub fn of(folder: &Path) -> io::Result<Snapshot> {
        let mut found = BTreeMap::new();
        let mut open = vec![folder.to_path_buf()];
        while let Some(current) = open.pop() {
            for entry in fs::read_dir(current)? {
                let entry = entry?;
                let data = entry.metadata()?;
                if data.is_dir() {
                    open.push(entry.path());
                }
                found.insert(entry.path(), (data.ino(), data.ctime(), data.ctime_nsec()));
            }
        }
        Ok(Snapshot(found))
    }

    /// What is new or has changed since `before`: files, links and folders, each folder before what is in it.
    fn since<'a>(&'a self, before: &'a Snapshot) -> impl Iterator<Item = &'a Path> {
        let new = |(path, state): &(&'a PathBuf, &'a _)| before.0.get(*path) != Some(*state);
        self.0.iter().filter(new).map(|(path, _)| path.as_path())
    }
}

/// Sends what has changed in `folder` since `before`, then `status`.
pub fn send(channel: impl Write, folder: &Path, before: &Snapshot, status: u8) -> io::Result<()> {
    let mut archive = Builder::new(BufWriter::with_capacity(1 << 16, channel));
    archive.follow_symlinks(false);
    let after = Snapshot::of(folder)?;
    for path in after.since(before) {
        let kind = fs::symlink_metadata(path)?.file_type();
        if kind.is_file() || kind.is_dir() || kind.is_symlink() {
            archive.append_path_with_name(path, path.strip_prefix(folder).unwrap_or(path))?;
        }
    }
    let text = status.to_string();
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(text.len() as u64);
    archive.append_data(&mut header, STATUS, text.as_bytes())?;
    archive.into_inner()?.flush()
}

/// Puts what was sent in the folder `to` and returns the status; `None`, and nothing is put anywhere, if it is not
/// whole.
pub fn receive(mut channel: File, to: &Path) -> Result<Option<u8>, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Results { path, source }
    };
    channel.rewind().map_err(failed(to))?;
    let Some(status) = status(&channel) else { return Ok(None) };
    channel.rewind().map_err(failed(to))?;
    let mut archive = Archive::new(BufReader::new(channel));
    // The machine's clock and users are its own.
    archive.set_preserve_mtime(false);
    for entry in archive.entries().map_err(failed(to))? {
        let mut entry = entry.map_err(failed(to))?;
        let path = entry.path().map_err(failed(to))?.into_owned();
        if path == Path::new(STATUS) {
            continue;
        }
        // It refuses to leave `to`, be it by `..`, an absolute path or a link.
        let inside = entry.unpack_in(to).map_err(failed(&to.join(&path)))?;
        if !inside {
            return Err(failed(&path)(io::Error::other("it would lie outside of the folder")));
        }
    }
    Ok(Some(status))
}

/// The status at the end of a whole archive.
fn status(channel: &File) -> Option<u8> {
    let mut archive = Archive::new(BufReader::new(channel));
    let mut status = None;
    for entry in archive.entries().ok()?.take(MOST_ENTRIES) {
        let mut entry = entry.ok()?;
        status = None;
        if entry.path().ok()?.as_os_str() == STATUS {
            let mut text = String::new();
            entry.by_ref().take(4).read_to_string(&mut text).ok()?;
            status = text.parse().ok();
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(change: impl FnOnce(&Path)) -> Vec<u8> {
        let work = tempfile::tempdir().unwrap();
        fs::write(work.path().join("input"), "given").unwrap();
        let before = Snapshot::of(work.path()).unwrap();
        change(work.path());
        let mut bytes = Vec::new();
        send(&mut bytes, work.path(), &before, 200).unwrap();
        bytes
    }

    fn received(bytes: &[u8], to: &Path) -> Result<Option<u8>, Error> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        receive(file, to)
    }

    fn write_some(work: &Path) {
        fs::create_dir_all(work.join("reports/latest")).unwrap();
        fs::write(work.join("reports/latest/big"), vec![7; 3 << 20]).unwrap();
        std::os::unix::fs::symlink("latest", work.join("reports/link")).unwrap();
    }

    #[test]
    fn what_changed_comes_back_and_what_did_not_stays() {
        let to = tempfile::tempdir().unwrap();
        assert_eq!(received(&sent(write_some), to.path()).unwrap(), Some(200));
        assert_eq!(fs::read(to.path().join("reports/latest/big")).unwrap(), vec![7; 3 << 20]);
        assert_eq!(fs::read_link(to.path().join("reports/link")).unwrap(), Path::new("latest"));
        assert!(!to.path().join("input").exists() && !to.path().join(STATUS).exists());
    }

    #[test]
    fn an_archive_that_was_cut_anywhere_puts_nothing_anywhere() {
        let whole = sent(write_some);
        for length in [0, 1, 511, 512, 2000, 1 << 20, whole.len() - 1537] {
            let to = tempfile::tempdir().unwrap();
            assert_eq!(received(&whole[..length], to.path()).unwrap(), None, "{length}");
            assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0, "{length}");
        }
    }

    #[test]
    fn what_would_leave_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("to");
        fs::create_dir(&to).unwrap();
        let mut archive = Builder::new(Vec::new());
        for (name, kind) in [("out", EntryType::Symlink), ("out/file", EntryType::Regular)] {
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(0);
            if kind == EntryType::Symlink {
                header.set_link_name(folder.path()).unwrap();
            }
            archive.append_data(&mut header, name, io::empty()).unwrap();
        }
        let mut header = Header::new_gnu();
        header.set_size(1);
        archive.append_data(&mut header, STATUS, &b"0"[..]).unwrap();
        assert!(received(&archive.into_inner().unwrap(), &to).is_err());
        assert!(!folder.path().join("file").exists());
    }
}
