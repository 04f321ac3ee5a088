//! How a launcher notes its own marks, and hands them over when all is done.
//!
//! A stamp is one read of `CLOCK_MONOTONIC` (a vDSO call, no system call; `clock_gettime(2)`) and one
//! store, so it may stand on the launch path. [`Stamps`] is plain shared-memory data: the runtime puts
//! it in a page that it shares with the container's first process. After the workload's end the
//! launcher writes everything as *one record* to its standard output: the byte 0x1E ("record
//! separator"), a JSON object, a line feed, which is the framing of JSON text sequences (RFC 7464).

use crate::Mark;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// The byte before a record.
pub const RECORD: u8 = 0x1e;

/// This instant on `CLOCK_MONOTONIC`, in nanoseconds: the one clock of the lab.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The marks of one launcher; zero means "has not happened".
#[repr(C)]
#[derive(Debug, Default)]
pub struct Stamps([AtomicU64; Mark::ALL.len()]);

impl Stamps {
    /// Stamps `mark` with this instant.
    pub fn stamp(&self, mark: Mark) {
        self.0[mark as usize].store(now(), Ordering::Relaxed);
    }

    /// The record: what the launcher writes to its standard output after the workload's end.
    ///
    /// # Panics
    /// Never: a map of numbers always becomes JSON.
    pub fn record(&self) -> Vec<u8> {
        let marks: BTreeMap<Mark, u64> = Mark::ALL
            .into_iter()
            .map(|mark| (mark, self.0[mark as usize].load(Ordering::Relaxed)))
            .filter(|&(_, at)| at != 0)
            .collect();
        let mut record = vec![RECORD];
        serde_json::to_writer(&mut record, &marks).expect("a map of numbers always becomes JSON");
        record.push(b'\n');
        record
    }
}

/// Reads the JSON of a record back: each mark with its `CLOCK_MONOTONIC` nanoseconds.
pub fn read_record(json: &[u8]) -> Result<BTreeMap<Mark, u64>, serde_json::Error> {
    serde_json::from_slice(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back() {
        let stamps = Stamps::default();
        let before = now();
        stamps.stamp(Mark::Launcher);
        stamps.stamp(Mark::Isolate);
        let record = stamps.record();
        assert_eq!(record[0], RECORD);
        let marks = read_record(&record[1..]).unwrap();
        assert_eq!(marks.len(), 2);
        assert!(before <= marks[&Mark::Launcher] && marks[&Mark::Launcher] <= marks[&Mark::Isolate]);
    }
}
