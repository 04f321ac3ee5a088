//! What a launcher hands over when all is done: its own marks and, if it is a VMM, its counts.
//!
//! It is *one record* on standard output after the workload's end: the byte 0x1E ("record separator"), a JSON object,
//! a line feed, which is the framing of JSON text sequences (RFC 7464). Marks and counts share the object:
//! `{"launcher": 123, …, "exits": {"io_out": 4}}`.

use crate::Mark;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The byte before a record.
pub const RECORD: u8 = 0x1e;

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Each mark with its `CLOCK_MONOTONIC` nanoseconds.
    #[serde(flatten)]
    pub marks: BTreeMap<Mark, u64>,
    /// How often the guest came back to its VMM, by reason; absent for a launcher without a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exits: Option<BTreeMap<String, u64>>,
    /// What KVM itself counted of the VM, by its own names; absent unless it was asked for and can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<BTreeMap<String, u64>>,
    /// What programs and files have of the guest's memory, in KiB, as its init has told; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_programs_kib: Option<u64>,
}

impl Record {
    /// The record as it is written.
    ///
    /// # Panics
    /// Never: maps of numbers always become JSON.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![RECORD];
        serde_json::to_writer(&mut bytes, self).expect("maps of numbers always become JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Reads the JSON of a record back.
    pub fn read(json: &[u8]) -> Result<Record, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_with_and_without_counts() {
        let marks = BTreeMap::from([(Mark::Launcher, 7), (Mark::Cleaned, 9)]);
        let plain = Record { marks, ..Record::default() };
        assert_eq!(plain.bytes(), b"\x1e{\"launcher\":7,\"cleaned\":9}\n");
        let counted = Record {
            exits: Some(BTreeMap::from([("io_out".into(), 4)])),
            statistics: Some(BTreeMap::from([("exits".into(), 11)])),
            guest_programs_kib: Some(5),
            ..plain.clone()
        };
        for record in [plain, counted] {
            let bytes = record.bytes();
            assert_eq!((bytes[0], bytes.last()), (RECORD, Some(&b'\n')));
            assert_eq!(Record::read(&bytes[1..]).unwrap(), record);
        }
    }

    #[test]
    fn what_is_no_mark_is_an_error() {
        for json in [&b"{\"lunch\":7}"[..], b"{\"launcher\":\"soon\"}", b"{\"launcher\":", b"7"] {
            assert!(Record::read(json).is_err(), "{}", String::from_utf8_lossy(json));
        }
    }
}
