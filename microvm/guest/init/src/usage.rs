//! What programs and files have of the guest's memory (`proc_meminfo(5)`), told to the VMM.
//!
//! Of a page that the guest has touched the host cannot know whose it is. The guest's kernel can: anonymous pages are
//! its programs', cached ones its files', and the first root, which lies in memory, is among those. All others that were
//! touched are the kernel's own, or were and are free again.

use core::ffi::CStr;
use isolab_guest::port::out_all;
use isolab_guest::ports::USAGE;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::read;

const MEMINFO: &CStr = c"/proc/meminfo";
/// The lines that count pages of programs and files; each page is in one of them.
const LINES: [&[u8]; 3] = [b"AnonPages:", b"Cached:", b"Buffers:"];
/// The file has some fifty lines of less than thirty bytes.
const ROOM: usize = 4096;

/// Tells it. A guest whose kernel does not say has nothing to tell.
pub(crate) fn tell() {
    let mut text = [0; ROOM];
    let Ok(file) = open(MEMINFO, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else { return };
    let Ok(length) = read(&file, &mut text) else { return };
    let kib: u64 = text[..length].split(|&byte| byte == b'\n').filter_map(counted).sum();
    out_all(USAGE, &kib.to_le_bytes());
}

/// The number of a line that counts.
fn counted(line: &[u8]) -> Option<u64> {
    let rest = LINES.iter().find_map(|name| line.strip_prefix(*name))?;
    let number = core::str::from_utf8(rest).ok()?.trim().strip_suffix(" kB")?;
    number.parse().ok()
}
