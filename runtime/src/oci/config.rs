//! `config.json` (the specification's "Bundle" and "Configuration").
//!
//! It is read once, at create: what becomes of the file afterwards must not matter. It may be hostile, so
//! its size is bounded here, and its depth by the JSON reader (128 levels). Unknown properties are ignored,
//! as the specification demands.

use super::{check, names, reading};
use crate::error::{Context, Error};
use oci_spec::runtime::Spec;
use rustix::buffer::spare_capacity;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The file's name in a bundle.
pub const FILE: &str = "config.json";
/// Engines write some ten kilobytes; with every seccomp rule and mount, some hundred.
const LARGEST: u64 = 16 << 20;

/// A configuration, as read.
#[derive(Debug)]
pub struct Config {
    /// What it says.
    pub spec: Spec,
    /// The text: it is kept with the container's state.
    pub text: Vec<u8>,
    /// The absolute path of the bundle.
    pub bundle: PathBuf,
    /// Capabilities that it asks for and nobody knows.
    pub unknown_capabilities: Vec<String>,
}

impl Config {
    /// Reads and checks the configuration of the bundle in `folder`.
    pub fn of_bundle(folder: &Path) -> Result<Self, Error> {
        let bundle = fs::canonicalize(folder).at("opening the bundle", folder)?;
        let file = bundle.join(FILE);
        let text = read_bounded(&file)?;
        let (spec, unknown_capabilities) = read(&text, &file)?;
        Ok(Self { spec, text, bundle, unknown_capabilities })
    }
}

/// Reads and checks a configuration; `file` is named in errors.
pub fn parse(text: &[u8], file: &Path) -> Result<Spec, Error> {
    read(text, file).map(|(spec, _)| spec)
}

/// The same, with the names of capabilities that nobody knows.
fn read(text: &[u8], file: &Path) -> Result<(Spec, Vec<String>), Error> {
    let (mut spec, unknown) = names::read(text, "/process", reading::spec).map_err(|source| Error::Json {
        what: "the configuration",
        file: file.into(),
        source,
    })?;
    check::spec(&spec)?;
    // Without that part nothing of it is asked for.
    if spec.linux().is_none() {
        spec.set_linux(serde_json::from_slice(b"{}").ok());
    }
    Ok((spec, unknown))
}

/// Reads a file that should be small. A FIFO or a device in its place is no file.
pub fn read_bounded(path: &Path) -> Result<Vec<u8>, Error> {
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path).at("opening", path)?;
    let about = file.metadata().at("looking at", path)?;
    if !about.is_file() {
        return Err(Error::NotAFile(path.into()));
    }
    if about.len() > LARGEST {
        return Err(Error::TooLarge { path: path.into(), most: LARGEST });
    }
    let room = about.len() as usize + 1;
    let mut text = Vec::with_capacity(room);
    // Of a file, less than was asked for is all there is; but it may grow while it is read.
    let length = rustix::io::read(&file, spare_capacity(&mut text)).at("reading", path)?;
    if length >= room {
        file.take(LARGEST + 1).read_to_end(&mut text).at("reading", path)?;
    }
    if text.len() as u64 > LARGEST {
        return Err(Error::TooLarge { path: path.into(), most: LARGEST });
    }
    Ok(text)
}
