//! The MP table (Intel, "`MultiProcessor` Specification" 1.4): which CPUs there are, and which interrupt arrives
//! where.
//!
//! Linux takes it when there are no ACPI tables. Without either it would not know of the IO-APIC and would
//! use the interrupt controllers of 1981. A pointer with a signature, found by searching, leads to a table
//! of entries; both end in bytes that add up to zero.

use crate::Error;
use crate::layout::MP_TABLE;
use crate::memory::Memory;
use vm_memory::{Address, Bytes};

/// Where every PC has its local APICs and its first IO-APIC; KVM's are there too.
pub(super) const LOCAL_APIC: u32 = 0xfee0_0000;
pub(super) const IO_APIC: u32 = 0xfec0_0000;
/// "All local APICs".
const ALL: u8 = 0xff;
/// The version of the specification, and of the APICs that KVM has.
const SPECIFICATION: u8 = 4;
const APIC_VERSION: u8 = 0x14;
/// How many interrupt lines the ISA bus has.
const LINES: u8 = 16;
/// Kinds of interrupt.
const VECTORED: u8 = 0;
const NON_MASKABLE: u8 = 1;
const EXTERNAL: u8 = 3;

/// Writes the table of a VM with `cpus` CPUs.
pub fn write(memory: &Memory, cpus: u8) -> Result<(), Error> {
    let pointer = pointer();
    memory.map().write_slice(&pointer, MP_TABLE)?;
    memory.map().write_slice(&table(cpus), MP_TABLE.unchecked_add(pointer.len() as u64))?;
    Ok(())
}

/// The floating pointer; the table lies right behind it.
fn pointer() -> [u8; 16] {
    let mut pointer = [0; 16];
    pointer[..4].copy_from_slice(b"_MP_");
    pointer[4..8].copy_from_slice(&(MP_TABLE.0 as u32 + 16).to_le_bytes());
    pointer[8] = 1; // its length, in units of 16 bytes
    pointer[9] = SPECIFICATION;
    pointer[10] = missing_to_zero(&pointer);
    pointer
}

fn table(cpus: u8) -> Vec<u8> {
    let mut entries = Vec::new();
    // Each CPU is usable, and the first is the one that boots. Linux asks CPUID for the rest.
    for cpu in 0..cpus {
        entries.extend([0, cpu, APIC_VERSION, if cpu == 0 { 0b11 } else { 0b01 }]);
        entries.extend([0; 16]);
    }
    // APIC numbers: the CPUs' from 0 on, then the IO-APIC's.
    let io_apic = cpus;
    // The bus, and the IO-APIC, which is usable.
    entries.extend(*b"\x01\x00ISA   ");
    entries.extend([2, io_apic, APIC_VERSION, 1]);
    entries.extend(IO_APIC.to_le_bytes());
    // Each line of the bus leads to the input of the same number.
    for line in 0..LINES {
        entries.extend([3, VECTORED, 0, 0, 0, line, io_apic, line]);
    }
    // The two pins of every local APIC: the old interrupt controllers, and the non-maskable interrupt.
    entries.extend([4, EXTERNAL, 0, 0, 0, 0, 0, 0]);
    entries.extend([4, NON_MASKABLE, 0, 0, 0, 0, ALL, 1]);

    let count = u16::from(cpus) + 1 + 1 + u16::from(LINES) + 2;
    let mut table = b"PCMP".to_vec();
    table.extend((44 + entries.len() as u16).to_le_bytes());
    table.extend([SPECIFICATION, 0]);
    table.extend(*b"ISOLAB  MICROVM     ");
    table.extend([0; 6]); // no table of the manufacturer's
    table.extend(count.to_le_bytes());
    table.extend(LOCAL_APIC.to_le_bytes());
    table.extend([0; 4]); // no extended entries
    table.append(&mut entries);
    table[7] = missing_to_zero(&table);
    table
}

/// The byte that makes the sum zero.
fn missing_to_zero(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, &byte| sum.wrapping_add(byte)).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::MOST_CPUS;

    #[test]
    fn the_pointer_leads_to_a_table_that_adds_up() {
        let memory = Memory::new(2).unwrap();
        write(&memory, 1).unwrap();
        let mut pointer = [0; 16];
        memory.map().read_slice(&mut pointer, MP_TABLE).unwrap();
        assert_eq!((&pointer[..4], missing_to_zero(&pointer)), (&b"_MP_"[..], 0));
        let address = u32::from_le_bytes(pointer[4..8].try_into().unwrap());
        let address = vm_memory::GuestAddress(address.into());
        let length: u16 = memory.map().read_obj(address.unchecked_add(4)).unwrap();
        let mut table = vec![0; length.into()];
        memory.map().read_slice(&mut table, address).unwrap();
        assert_eq!((&table[..4], missing_to_zero(&table)), (&b"PCMP"[..], 0));
    }

    #[test]
    fn the_entries_fill_the_table_and_are_as_many_as_it_says() {
        for cpus in [1, 2, MOST_CPUS] {
            let table = table(cpus);
            let (mut at, mut count) = (44, 0);
            while at < table.len() {
                at += if table[at] == 0 { 20 } else { 8 };
                count += 1;
            }
            assert_eq!((at, count), (table.len(), u16::from_le_bytes([table[34], table[35]])));
            assert!(16 + table.len() <= 1024, "{cpus} CPUs");
        }
    }
}
