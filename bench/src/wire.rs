//! What a child writes to its standard output: marks, text, and at the end a launcher's record.
//!
//! Marks are single control bytes and get the time of the read that brought them. A record begins with
//! the byte 0x1E and ends with a line feed ([`isolab_timeline::record`]). All else is text.

use isolab_timeline::record::RECORD;
use isolab_timeline::{Mark, Record};
use std::collections::BTreeMap;

/// As much text is kept, in bytes: a child may print for ever.
const MOST: usize = 64 << 10;
/// As much of records: those of a fleet come by one pipe.
const MOST_RECORDS: usize = 4 << 20;

/// What has arrived from one child so far.
#[derive(Debug, Default)]
pub struct Wire {
    /// The workload's marks with their `CLOCK_MONOTONIC` nanoseconds.
    pub marks: BTreeMap<Mark, u64>,
    /// How often each mark came; of one launch of one workload, once.
    pub times: BTreeMap<Mark, usize>,
    /// The beginning of all that was neither mark nor record.
    pub text: Vec<u8>,
    /// The records' JSON, each ended by a line feed.
    records: Vec<u8>,
    /// The last one has not ended yet.
    in_record: bool,
}

impl Wire {
    /// Takes what one read brought at the time `at`.
    pub fn feed(&mut self, bytes: &[u8], at: u64) {
        for &byte in bytes {
            if self.in_record {
                if self.records.len() < MOST_RECORDS {
                    self.records.push(byte);
                }
                self.in_record = byte != b'\n';
            } else if byte == RECORD {
                self.in_record = true;
            } else if let Some(mark) = Mark::from_byte(byte) {
                self.marks.insert(mark, at);
                *self.times.entry(mark).or_default() += 1;
            } else if self.text.len() < MOST {
                self.text.push(byte);
            }
        }
    }

    /// A mark that came more than once: this is not one launch of one workload.
    pub fn repeated(&self) -> Option<Mark> {
        self.times.iter().find(|&(_, &times)| times > 1).map(|(&mark, _)| mark)
    }

    /// The launcher's record; an empty one where the launcher keeps none. An error: it is damaged.
    pub fn record(&self) -> Result<Record, serde_json::Error> {
        let began = self.in_record && self.records.is_empty();
        let last = self.records().last().or(began.then_some(&[]));
        last.map_or_else(|| Ok(Record::default()), Record::read)
    }

    /// The JSON of all records, of a child's one or of a fleet's many.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.records.split_inclusive(|&byte| byte == b'\n')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_text_and_record_are_told_apart_however_they_are_cut() {
        let whole = b"\x02hello\x06 world\x04\x1e{\"launcher\":7}\n";
        for cut in 0..whole.len() {
            let mut wire = Wire::default();
            wire.feed(&whole[..cut], 10);
            wire.feed(&whole[cut..], 20);
            assert_eq!(wire.text, b"hello world");
            assert_eq!(wire.marks.keys().copied().collect::<Vec<_>>(), [Mark::Begin, Mark::Ready, Mark::End]);
            assert_eq!(wire.record().unwrap().marks, BTreeMap::from([(Mark::Launcher, 7)]));
            assert_eq!(wire.repeated(), None);
        }
    }

    #[test]
    fn a_mark_that_comes_twice_is_noticed() {
        let mut wire = Wire::default();
        wire.feed(b"\x02\x02", 1);
        assert_eq!(wire.repeated(), Some(Mark::Begin));
    }

    #[test]
    fn of_a_child_that_prints_for_ever_only_the_beginning_is_kept() {
        let mut wire = Wire::default();
        wire.feed(&vec![b'x'; 3 * MOST], 1);
        wire.feed(&[b"\x02\x1e", &vec![b'y'; 3 * MOST][..]].concat(), 2);
        assert_eq!(wire.text.len(), MOST);
        assert!(wire.marks.contains_key(&Mark::Begin) && wire.record().is_err());
    }

    #[test]
    fn a_fleets_records_are_kept_one_by_one() {
        let mut wire = Wire::default();
        wire.feed(b"\x1e{\"guest_programs_kib\":7}\n\x04\x1e{\"guest_programs_kib\":9}\n", 1);
        let told = |record| Record::read(record).unwrap().guest_programs_kib;
        assert_eq!(wire.records().filter_map(told).collect::<Vec<_>>(), [7, 9]);
        assert_eq!(wire.record().unwrap().guest_programs_kib, Some(9));
    }

    #[test]
    fn a_damaged_record_is_an_error() {
        let mut wire = Wire::default();
        for part in [&b"\x1e"[..], b"{\"launcher\":"] {
            wire.feed(part, 1);
            assert!(wire.record().is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>) {
            let mut wire = Wire::default();
            wire.feed(&bytes, 1);
            prop_assert!(wire.text.len() <= bytes.len());
            let _ = wire.record();
        }
    }
}
