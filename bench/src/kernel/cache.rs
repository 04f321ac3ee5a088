//! The cache: one folder a kernel, found by name, believed only by digest.
//!
//! ```text
//! ~/.cache/isolab/kernels/NAME-DIGEST/   vmlinux  config  modules/  manifest.json
//! ~/.cache/isolab/kernels/.staging/      what is being made, by process
//! ```
//! An entry is written in the staging folder and then renamed (`rename(2)` is atomic), so that an entry
//! that can be seen is whole; and its files are read again and compared with the manifest before each use,
//! so that one that was damaged later is noticed before a VM boots it.

use super::error::Error;
use super::manifest::{self, Manifest};
use isolab_runtime::cgroup::owner::Owner;
use isolab_timeline::file::At;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const MANIFEST: &str = "manifest.json";
/// Hexadecimal digits of the digest in an entry's name.
const DIGITS: usize = 16;

/// The folder with all kernels of a user.
#[derive(Clone, Debug)]
pub struct Cache(PathBuf);

/// One kernel in the cache.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its folder.
    pub folder: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
}

/// What is known of a kernel that is about to enter the cache.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The name under which it is found.
    pub name: &'static str,
    /// Its release, as `uname -r` says it.
    pub release: String,
    /// Where it comes from, in words.
    pub source: String,
    /// The digest of what it was made from; `None`: the digest of what it is.
    pub digest: Option<String>,
}

impl Cache {
    /// The calling user's: below `XDG_CACHE_HOME`, or `~/.cache`.
    pub fn of_user() -> Result<Cache, Error> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        Ok(Cache(base.ok_or(Error::NoFolder)?.join("isolab/kernels")))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The folder in which entries are made, one a process.
    pub fn staging(&self) -> PathBuf {
        self.0.join(".staging")
    }

    /// Opens a new entry. It is gone when it is dropped before [`Staged::keep`].
    pub fn stage(&self) -> Result<Staged, Error> {
        let own = Owner::this_process().map_err(std::io::Error::other).at("naming", self.staging())?;
        let folder = self.staging().join(format!("isolab-{own}"));
        let staged = Staged { folder };
        for folder in [staged.entry(), staged.work()] {
            fs::create_dir_all(&folder).at("making the folder", &folder)?;
        }
        Ok(staged)
    }

    /// All entries, by name and then by age; and what is wrong with those that cannot be read.
    pub fn list(&self) -> Result<(Vec<Entry>, Vec<Error>), Error> {
        let (mut entries, mut damaged) = (Vec::new(), Vec::new());
        for folder in self.folders()? {
            match Entry::read(folder) {
                Ok(entry) => entries.push(entry),
                Err(error) => damaged.push(error),
            }
        }
        entries.sort_by(|a, b| {
            (&a.manifest.name, a.manifest.made_unix_s).cmp(&(&b.manifest.name, b.manifest.made_unix_s))
        });
        Ok((entries, damaged))
    }

    /// The kernel called `name`, or in the folder called so, verified; the newest if there are several.
    pub fn find(&self, name: &str) -> Result<Entry, Error> {
        let mut newest: Option<Entry> = None;
        let mut have = Vec::new();
        for folder in self.folders()? {
            let full = folder.file_name().unwrap_or_default().to_string_lossy();
            let short = full.rsplit_once('-').map_or(&*full, |(short, _)| short);
            if name != full && name != short {
                have.push(short.to_owned());
                continue;
            }
            let entry = Entry::read(folder)?;
            if newest.as_ref().is_none_or(|best| best.manifest.made_unix_s <= entry.manifest.made_unix_s) {
                newest = Some(entry);
            }
        }
        have.sort();
        have.dedup();
        let have = if have.is_empty() { "none".into() } else { have.join(", ") };
        let entry = newest.ok_or(Error::NotCached { name: name.into(), folder: self.0.clone(), have })?;
        entry.verify()?;
        Ok(entry)
    }

    /// The verified entry that came from `source`, if there is one: it need not be fetched again.
    pub fn from_source(&self, name: &str, source: &str) -> Result<Option<Entry>, Error> {
        let (entries, _) = self.list()?;
        Ok(entries.into_iter().find(|entry| {
            entry.manifest.name == name && entry.manifest.source == source && entry.verify().is_ok()
        }))
    }

    /// The verified entry with this name and digest, if there is one.
    pub fn with_digest(&self, name: &str, digest: &str) -> Option<Entry> {
        Entry::read(self.place(name, digest)).ok().filter(|entry| entry.verify().is_ok())
    }

    fn place(&self, name: &str, digest: &str) -> PathBuf {
        self.0.join(format!("{name}-{}", &digest[..DIGITS.min(digest.len())]))
    }

    fn folders(&self) -> Result<Vec<PathBuf>, Error> {
        let read = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.at("reading the folder", &self.0)?,
        };
        let is_entry = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.rsplit_once('-').is_some_and(|(_, digest)| {
                digest.len() == DIGITS && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        };
        Ok(read.flatten().map(|entry| entry.path()).filter(is_entry).collect())
    }
}

impl Entry {
    fn read(folder: PathBuf) -> Result<Entry, Error> {
        let path = folder.join(MANIFEST);
        let damaged = |why: String| Error::Damaged { path: path.clone(), folder: folder.clone(), why };
        let text = fs::read(&path).map_err(|error| damaged(error.to_string()))?;
        let manifest = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        Ok(Entry { folder, manifest })
    }

    /// The kernel's uncompressed ELF file.
    pub fn vmlinux(&self) -> PathBuf {
        self.folder.join("vmlinux")
    }

    /// Reads every file of the entry and compares it with its digest.
    pub fn verify(&self) -> Result<(), Error> {
        for (name, expected) in &self.manifest.files {
            let path = self.folder.join(name);
            let why = match manifest::digest_of_file(&path) {
                Ok(found) if found == *expected => continue,
                Ok(_) => format!("its SHA-256 is not the one in {MANIFEST}"),
                Err(error) => error.to_string(),
            };
            return Err(Error::Damaged { path, folder: self.folder.clone(), why });
        }
        Ok(())
    }
}

/// An entry that is being made, in a folder named after its process so that it can be swept.
#[derive(Debug)]
pub struct Staged {
    folder: PathBuf,
}

impl Staged {
    /// What will be the entry's folder.
    pub fn entry(&self) -> PathBuf {
        self.folder.join("entry")
    }

    /// A folder for downloads and builds, on the same file system; it is not kept.
    pub fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Writes the manifest and puts the entry in its place. One that is there and whole stays.
    pub fn keep(self, cache: &Cache, origin: Origin) -> Result<Entry, Error> {
        let entry = self.entry();
        let files = manifest::digests(&entry)?;
        let digest = origin.digest.unwrap_or_else(|| manifest::digest_of_all(&files));
        if let Some(there) = cache.with_digest(origin.name, &digest) {
            return Ok(there);
        }
        let made = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let manifest = Manifest {
            name: origin.name.into(),
            release: origin.release,
            source: origin.source,
            made_unix_s: made.as_secs(),
            files,
        };
        let path = entry.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::from);
        text.and_then(|text| fs::write(&path, text)).at("writing", &path)?;
        let place = cache.place(&manifest.name, &digest);
        // A damaged one makes room; rename(2) replaces no folder that holds something.
        if place.exists() {
            fs::remove_dir_all(&place).at("removing the damaged", &place)?;
        }
        match fs::rename(&entry, &place) {
            // Another process was faster, with the same kernel.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            renamed => renamed.at("putting the kernel in its place,", &place)?,
        }
        Ok(Entry { folder: place, manifest })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // What cannot be removed now is found again by its name.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
