//! Clocks: a container that believes the machine booted at another time (`time_namespaces(7)`).
//!
//! `unshare(2)` makes the namespace for the *next* child. Its offsets can be written only while nobody
//! is in it, so PID 1 writes them and stays outside; the command is the first to enter. Only the
//! boot-time clock (`CLOCK_BOOTTIME`, `/proc/uptime`) is moved: what is measured is measured on the other.

use crate::error::{Context, Error};
use crate::namespaces::Namespaces;
use std::fs;

const OFFSETS: &str = "/proc/self/timens_offsets";

/// Makes a time namespace for the children of the calling process: their boot-time clock runs `seconds`
/// ahead.
pub fn offset_boot(seconds: i64) -> Result<(), Error> {
    Namespaces::TIME.unshare()?;
    fs::write(OFFSETS, format!("boottime {seconds} 0")).at("setting the boot clock by", OFFSETS)
}
