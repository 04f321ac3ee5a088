//! Long mode: the CPU as a 64-bit kernel expects to find it (Intel SDM volume 3, chapter "IA-32e Mode
//! Initialization"; AMD APM volume 2, chapter "Initializing Long Mode").
//!
//! Firmware climbs from real mode to protected mode to long mode, because each step can be taken only
//! from the one before. A VMM sets the vCPU's registers at will, so here there is no climb, only its result:
//! page tables in CR3, `PAE` in CR4, `LME` and `LMA` in EFER, and paging in CR0, all at once
//! (`KVM_SET_SREGS`). Every field is set, so the registers need not be read first.

use crate::Error;
use crate::layout::{GDT, PD, PDPT, PML4, ZERO_PAGE};
use crate::memory::Memory;
use kvm_bindings::{kvm_dtable, kvm_regs, kvm_segment, kvm_sregs};
use vm_memory::{Address, Bytes, GuestAddress};

/// CR0: paging, numeric errors, the fixed bit 4, monitor coprocessor, protection.
const CR0: u64 = 1 << 31 | 1 << 5 | 1 << 4 | 1 << 1 | 1;
/// CR4: SSE exceptions, SSE, physical addresses of more than 32 bits.
const CR4: u64 = 1 << 10 | 1 << 9 | 1 << 5;
/// EFER: long mode active, long mode enabled.
const EFER: u64 = 1 << 10 | 1 << 8;
/// RFLAGS: no interrupt, and bit 1, which is always set.
pub(super) const RFLAGS: u64 = 1 << 1;

/// Entries of page tables: present and writable; and a page of 2 MiB rather than another table.
const TABLE: u64 = 1 | 1 << 1;
const LARGE_PAGE: u64 = TABLE | 1 << 7;

/// The selectors that the boot protocol names, and the descriptors in their places.
pub(super) const CODE: u16 = 0x10;
pub(super) const DATA: u16 = 0x18;
const DESCRIPTORS: [u64; 4] = [0, 0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff];

/// Writes page tables, which map memory at its own addresses, as far as one page directory goes, and the GDT.
pub fn write_tables(memory: &Memory) -> Result<(), Error> {
    let map = memory.map();
    map.write_obj(PDPT.0 | TABLE, PML4)?;
    map.write_obj(PD.0 | TABLE, PDPT)?;
    for (entry, address) in (0..memory.first_gib()).step_by(2 << 20).enumerate() {
        map.write_obj(address | LARGE_PAGE, PD.unchecked_add(8 * entry as u64))?;
    }
    map.write_obj(DESCRIPTORS, GDT)?;
    Ok(())
}

/// A segment over all of memory, at privilege level 0.
pub(super) fn segment(selector: u16, kind: u8, code: bool) -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: u32::MAX,
        selector,
        type_: kind,
        present: 1,
        dpl: 0,
        db: u8::from(!code),
        s: 1,
        l: u8::from(code),
        g: 1,
        ..kvm_segment::default()
    }
}

/// The mode of the CPU: long mode, on the tables that [`write_tables`] writes.
pub fn mode() -> kvm_sregs {
    // Types: 11 is code that may be read, 3 data that may be written, both accessed; and 11 again, in a
    // system segment, a busy TSS. The CPU insists on a TSS, even if nothing uses it.
    let data = segment(DATA, 3, false);
    kvm_sregs {
        cs: segment(CODE, 11, true),
        ds: data,
        es: data,
        fs: data,
        gs: data,
        ss: data,
        tr: kvm_segment { type_: 11, present: 1, limit: 0x67, ..kvm_segment::default() },
        ldt: kvm_segment { unusable: 1, ..kvm_segment::default() },
        gdt: kvm_dtable { base: GDT.0, limit: size_of_val(&DESCRIPTORS) as u16 - 1, ..kvm_dtable::default() },
        cr0: CR0,
        cr3: PML4.0,
        cr4: CR4,
        efer: EFER,
        ..kvm_sregs::default()
    }
}

/// The general registers at the guest's first instruction.
pub fn registers(entry: GuestAddress) -> kvm_regs {
    kvm_regs { rip: entry.0, rsi: ZERO_PAGE.0, rflags: RFLAGS, ..kvm_regs::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks the page tables as the CPU does.
    fn translate(memory: &Memory, address: u64) -> Option<u64> {
        let mut table = mode().cr3;
        for shift in [39, 30, 21] {
            let entry: u64 =
                memory.map().read_obj(GuestAddress(table + 8 * (address >> shift & 511))).unwrap();
            if entry & 1 == 0 {
                return None;
            }
            if entry & 1 << 7 != 0 {
                return Some((entry & !0x1f_ffff) + (address & 0x1f_ffff));
            }
            table = entry & !0xfff;
        }
        None
    }

    #[test]
    fn memory_is_mapped_at_its_own_addresses_and_ends() {
        for mib in [2, 3, 128, 1024] {
            let memory = Memory::new(mib).unwrap();
            write_tables(&memory).unwrap();
            for address in [0, 0x10_0000, memory.size() - 1] {
                assert_eq!(translate(&memory, address), Some(address), "{mib} MiB");
            }
            assert_eq!(translate(&memory, memory.size().next_multiple_of(2 << 20)), None, "{mib} MiB");
        }
    }

    #[test]
    fn segments_agree_with_their_descriptors() {
        let mode = mode();
        for segment in [mode.cs, mode.ds, mode.ss] {
            let descriptor = DESCRIPTORS[usize::from(segment.selector) / 8];
            assert_eq!(descriptor >> 40 & 0xf, u64::from(segment.type_));
            assert_eq!(descriptor >> 53 & 1, u64::from(segment.l));
            assert_eq!(descriptor >> 54 & 1, u64::from(segment.db));
        }
    }
}
