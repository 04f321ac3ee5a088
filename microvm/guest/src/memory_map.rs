//! How much memory there is, by the VMM's memory map.
//!
//! Both boot protocols hand over a list of ranges with a type, 1 being usable RAM. The unikernel lies in
//! one of them; the memory between its own end and the end of that range is free.

/// Usable RAM, as the type of a range.
pub const RAM: u32 = 1;
/// What the unikernel's page tables map, in bytes: nothing beyond can be reached.
pub const MAPPED: u64 = 1 << 30;

/// One range of the memory map.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// Its first byte's guest physical address.
    pub start: u64,
    /// Its length in bytes.
    pub length: u64,
    /// What it is; [`RAM`] is usable.
    pub kind: u32,
}

/// How many bytes of RAM can be used from `address` on: to the end of the range of RAM that holds
/// `address`, or of what is mapped. 0 when no range of RAM holds it.
pub fn free_from(address: u64, ranges: impl Iterator<Item = Range>) -> u64 {
    ranges
        .filter(|range| range.kind == RAM && range.start <= address)
        .map(|range| range.start.saturating_add(range.length).min(MAPPED).saturating_sub(address))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, length: u64, kind: u32) -> Range {
        Range { start, length, kind }
    }

    #[test]
    fn free_memory_ends_with_its_range() {
        let map = [range(0, 0x9_fc00, RAM), range(0x10_0000, 127 << 20, RAM), range(0xfee0_0000, 0x1000, 2)];
        assert_eq!(free_from(0x11_0000, map.into_iter()), (128 << 20) - 0x11_0000);
    }

    #[test]
    fn reserved_ranges_and_other_places_are_not_free() {
        assert_eq!(free_from(0x11_0000, [range(0x10_0000, 1 << 20, 2)].into_iter()), 0);
        assert_eq!(free_from(0x11_0000, [range(0, 0x9_fc00, RAM)].into_iter()), 0);
        assert_eq!(free_from(0x11_0000, [range(0x20_0000, 1 << 20, RAM)].into_iter()), 0);
        assert_eq!(free_from(0x11_0000, core::iter::empty()), 0);
    }

    #[test]
    fn what_is_not_mapped_is_not_free() {
        assert_eq!(free_from(0x11_0000, [range(0, 4 << 30, RAM)].into_iter()), MAPPED - 0x11_0000);
        assert_eq!(free_from(1, [range(1, u64::MAX, RAM)].into_iter()), MAPPED - 1);
    }
}
