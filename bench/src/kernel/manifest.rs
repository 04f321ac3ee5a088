//! The manifest of a cached kernel: what it is, where it comes from, and the SHA-256 of each of its files.

use super::error::Error;
use isolab_timeline::file::At;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The content of `manifest.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name under which it is found.
    pub name: String,
    /// Its release, as `uname -r` says it.
    pub release: String,
    /// Where it comes from, in words.
    pub source: String,
    /// When it was put here, in seconds since 1970.
    pub made_unix_s: u64,
    /// Each file by its path in the entry, with its SHA-256 in hexadecimal.
    pub files: BTreeMap<String, String>,
}

/// The digests of all regular files below `folder`, by their path in it. Links are left out.
pub(super) fn digests(folder: &Path) -> Result<BTreeMap<String, String>, Error> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(current) = open.pop() {
        for found in fs::read_dir(&current).at("reading the folder", &current)? {
            let found = found.at("reading the folder", &current)?;
            let (path, kind) = (found.path(), found.file_type().at("looking at", found.path())?);
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                files.insert(name, digest_of_file(&path).at("reading", &path)?);
            }
        }
    }
    Ok(files)
}

/// The SHA-256 of a file's content.
pub(super) fn digest_of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// One digest for all files: of their names and their digests, in the order of the names.
pub(super) fn digest_of_all(files: &BTreeMap<String, String>) -> String {
    digest_of(files.iter().flat_map(|(name, digest)| [name.as_bytes(), digest.as_bytes()]))
}

/// The SHA-256 of some texts, each ended by a zero byte so that none can be mistaken for a part of another.
pub(crate) fn digest_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    hexadecimal(&hash.finalize())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
