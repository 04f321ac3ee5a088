//! What KVM counts of a VM and of a vCPU (`KVM_GET_STATS_FD`; kernel documentation, "The Definitive KVM API", 4.133).
//!
//! The descriptor that this call gives reads like a file: a header, a description of each value (its kind, its unit, its
//! place, its name), and the values. So nothing about them need be known beforehand, and another kernel may count
//! other things. Kept here are counts: values that only ever grow, of no unit, one each. Left out are momentary
//! values (pages mapped now), peaks, histograms, and times.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;

const KVM_GET_STATS_FD: libc::c_ulong = 0xaece;

/// More than any kernel's statistics take, in bytes.
const ROOM: usize = 64 << 10;

/// The header's length, and that of a description before its name, in bytes.
const HEADER: usize = 24;
const DESCRIPTION: usize = 16;
/// A description's flags: the kind of value in the low four bits, its unit in the next four. A count is zero in both.
const KIND_AND_UNIT: u32 = 0xff;

/// The statistics of one VM or vCPU.
#[derive(Debug)]
pub struct Statistics(File);

/// Opens the statistics of a VM or a vCPU; `None` where KVM has none to give (before Linux 5.14).
pub fn of(descriptor: &impl AsRawFd) -> Option<Statistics> {
    // SAFETY: the call takes no argument; on another descriptor than KVM's it fails.
    let file = unsafe { libc::ioctl(descriptor.as_raw_fd(), KVM_GET_STATS_FD) };
    // SAFETY: the kernel has just opened it, for this caller alone.
    (file >= 0).then(|| Statistics(unsafe { File::from_raw_fd(file) }))
}

impl Statistics {
    /// The counts by now, by name.
    pub fn read(&self) -> io::Result<BTreeMap<String, u64>> {
        let mut bytes = vec![0; ROOM];
        let length = self.0.read_at(&mut bytes, 0)?;
        counts(&bytes[..length])
            .ok_or_else(|| io::Error::other("KVM's statistics are not laid out as documented"))
    }
}

/// Reads the counts; `None` if the bytes are not what the header says.
fn counts(bytes: &[u8]) -> Option<BTreeMap<String, u64>> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?));
    // The fields: flags, the length of a name, how many values, and where identity, descriptions and values begin.
    let [name_length, count] = [word(4)? as usize, word(8)? as usize];
    let [descriptions, values] = [word(16)? as usize, word(20)? as usize];
    let mut counts = BTreeMap::new();
    for number in 0..count {
        let at = number.checked_mul(DESCRIPTION.checked_add(name_length)?)?.checked_add(descriptions)?;
        let (flags, size, offset) = (word(at)?, half(at + 6)?, word(at + 8)? as usize);
        let name = bytes.get(at + DESCRIPTION..)?.get(..name_length)?;
        if flags & KIND_AND_UNIT != 0 || size != 1 {
            continue;
        }
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let value = bytes.get(values.checked_add(offset)?..)?.get(..8)?;
        counts.insert(std::str::from_utf8(name).ok()?.to_owned(), u64::from_le_bytes(value.try_into().ok()?));
    }
    (bytes.len() >= HEADER).then_some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Statistics with these values: name, flags, values.
    fn laid_out(values: &[(&str, u32, &[u64])]) -> Vec<u8> {
        const NAME: usize = 48;
        let data = HEADER + values.len() * (DESCRIPTION + NAME);
        let header = [0, NAME as u32, values.len() as u32, HEADER as u32, HEADER as u32, data as u32];
        let mut bytes: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
        let mut offset = 0_u32;
        for (name, flags, of_it) in values {
            bytes.extend(flags.to_le_bytes());
            bytes.extend(0_i16.to_le_bytes());
            bytes.extend((of_it.len() as u16).to_le_bytes());
            bytes.extend(offset.to_le_bytes());
            bytes.extend(0_u32.to_le_bytes());
            bytes.extend(name.bytes().chain(std::iter::repeat(0)).take(NAME));
            offset += 8 * of_it.len() as u32;
        }
        bytes
            .extend(values.iter().flat_map(|(.., of_it)| of_it.iter()).flat_map(|value| value.to_le_bytes()));
        bytes
    }

    #[test]
    fn counts_are_kept_and_moments_times_and_histograms_are_not() {
        let bytes = laid_out(&[
            ("exits", 0, &[12]),
            ("pages_4k", 1, &[90]),
            ("halt_poll_success_ns", 0x20, &[700]),
            ("halt_wait_hist", 0, &[1, 2, 3]),
            ("io_exits", 0, &[7]),
        ]);
        let expected = [("exits", 12), ("io_exits", 7)].map(|(name, count)| (name.to_owned(), count));
        assert_eq!(counts(&bytes), Some(BTreeMap::from(expected)));
        for cut in 0..bytes.len() {
            assert_eq!(counts(&bytes[..cut]), None, "{cut} bytes");
        }
    }

    #[test]
    fn what_is_no_vm_has_no_statistics() {
        assert!(of(&File::open("/dev/null").unwrap()).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = counts(&bytes);
        }
    }
}
