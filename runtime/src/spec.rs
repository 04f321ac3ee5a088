//! What to run and behind which walls: the runtime's whole input, with no kernel in it.

use crate::cgroup::Limits;
use crate::volumes::Volume;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

/// A container to run.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The folder that becomes `/`. The container never writes to it.
    pub rootfs: PathBuf,
    /// The command and its arguments; a name without a slash is searched along the container's `PATH`.
    pub command: Vec<OsString>,
    /// `NAME=VALUE` entries on top of `PATH`, `HOME` and `TERM`.
    pub environment: Vec<OsString>,
    /// The folder in which the command starts, inside the container.
    pub workdir: PathBuf,
    /// The host's name that the container sees.
    pub hostname: String,
    /// Whether the container may write nothing but its volumes, `/dev` and `/dev/shm`.
    pub read_only: bool,
    /// What of the host appears in the container.
    pub volumes: Vec<Volume>,
    /// Its share of the machine.
    pub limits: Limits,
    /// Seconds by which its boot-time clock runs ahead; `None`: it shares the host's clocks.
    pub boot_offset: Option<i64>,
}

/// An amount of memory, in bytes; read from text such as `64m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// The text is no size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a size is a number of bytes, or a number with k, m, g or t (powers of 1024), such as 128m")]
pub struct NotASize;

impl FromStr for Size {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let (digits, shift) = match text.as_bytes().last().map(u8::to_ascii_lowercase) {
            Some(b'k') => (&text[..text.len() - 1], 10),
            Some(b'm') => (&text[..text.len() - 1], 20),
            Some(b'g') => (&text[..text.len() - 1], 30),
            Some(b't') => (&text[..text.len() - 1], 40),
            _ => (text, 0),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotASize);
        }
        let number: u64 = digits.parse().map_err(|_| NotASize)?;
        number.checked_mul(1 << shift).filter(|&bytes| bytes > 0).map(Size).ok_or(NotASize)
    }
}
