//! The memory map that a kernel gets: a PC's firmware gives it by its call number e820, which named it; a VMM writes
//! it down where the boot protocol says. The kinds are the same in all protocols.

use crate::layout::{ACPI, HIGH_START, HOLE_END, LOW_END};
use crate::memory::Memory;

/// Usable memory.
const RAM: u32 = 1;
/// Memory that holds something and is not to be used.
const RESERVED: u32 = 2;

/// A range of guest physical addresses, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its first address.
    pub start: u64,
    /// Its length in bytes.
    pub size: u64,
    /// What it is.
    pub kind: u32,
}

/// The map of a unikernel's memory: two ranges.
pub fn unikernel(memory: &Memory) -> Vec<Range> {
    vec![
        Range { start: 0, size: LOW_END, kind: RAM },
        Range { start: HIGH_START, size: memory.low_end() - HIGH_START, kind: RAM },
    ]
}

/// The map of a PC's memory: low memory ends where the firmware's tables begin, and there may be memory above
/// the hole.
pub fn machine(memory: &Memory) -> Vec<Range> {
    let mut map = vec![
        Range { start: 0, size: ACPI.0, kind: RAM },
        Range { start: ACPI.0, size: LOW_END - ACPI.0, kind: RESERVED },
        Range { start: HIGH_START, size: memory.low_end() - HIGH_START, kind: RAM },
    ];
    if memory.size() > memory.low_end() {
        map.push(Range { start: HOLE_END, size: memory.size() - memory.low_end(), kind: RAM });
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_reported_once_and_the_hole_never() {
        for mib in [2, 1024, 3072, 3073, 5000] {
            let memory = Memory::mapped(mib).unwrap();
            let map = machine(&memory);
            assert!(map.windows(2).all(|pair| pair[0].start + pair[0].size <= pair[1].start), "{map:x?}");
            let total: u64 = map.iter().map(|range| range.size).sum();
            assert_eq!(total, memory.size() - (HIGH_START - LOW_END), "{mib} MiB");
            let in_hole = |range: &&Range| range.start < HOLE_END && range.start + range.size > 3 << 30;
            assert_eq!(map.iter().find(in_hole), None);
        }
    }
}
