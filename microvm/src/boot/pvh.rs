//! The PVH boot protocol (Xen, "x86/HVM direct boot ABI"): the other way to enter a kernel without firmware, which
//! QEMU and cloud-hypervisor use. The entry is named by a note in the ELF file.
//!
//! The CPU is in 32-bit protected mode without paging, and `ebx` points at a structure that says where the
//! command line is, the memory map, the initial RAM file system and the ACPI tables. The kernel climbs to 64 bits by
//! itself, so it needs no page tables from here.

use super::e820;
use super::initrd::Initrd;
use super::linux::write_line;
use super::long_mode::{self, CODE, DATA, segment};
use crate::Error;
use crate::layout::{ACPI, COMMAND_LINE, MEMORY_MAP, MODULES, START_INFO};
use crate::memory::Memory;
use kvm_bindings::{kvm_regs, kvm_sregs};
use linux_loader::cmdline::Cmdline;
use vm_memory::{Address, Bytes, GuestAddress};

/// The structure's signature, and the version that has a memory map.
const MAGIC: u64 = 0x336e_c578;
const VERSION: u64 = 1;
/// CR0: the fixed bit 4, protection.
const CR0: u64 = 1 << 4 | 1;

/// Writes the command line and the structures that tell the kernel where everything is.
pub fn write(memory: &Memory, line: &Cmdline, initrd: Option<Initrd>) -> Result<(), Error> {
    write_line(memory, line)?;
    let map = memory.map();
    let ranges = e820::machine(memory);
    for (range, entry) in ranges.iter().zip(0..) {
        // Address, size, kind.
        map.write_obj([range.start, range.size, range.kind.into()], MEMORY_MAP.unchecked_add(24 * entry))?;
    }
    if let Some(Initrd { start, size }) = initrd {
        // Address, size, a command line of its own, reserved.
        map.write_obj([start.into(), size.into(), 0_u64, 0], MODULES)?;
    }
    // In halves: signature and version; flags and the number of modules. Whole: the list of modules, the command
    // line, ACPI's pointer, the memory map. In half: its number of entries.
    let start = [
        MAGIC | VERSION << 32,
        u64::from(initrd.is_some()) << 32,
        MODULES.0,
        COMMAND_LINE.0,
        ACPI.0,
        MEMORY_MAP.0,
        ranges.len() as u64,
    ];
    map.write_obj(start, START_INFO)?;
    Ok(())
}

/// The mode of the CPU: protected mode, all segments over all 4 GiB.
pub fn mode() -> kvm_sregs {
    let data = segment(DATA, 3, false);
    kvm_sregs {
        // 32-bit code.
        cs: kvm_bindings::kvm_segment { db: 1, l: 0, ..segment(CODE, 11, true) },
        ds: data,
        es: data,
        fs: data,
        gs: data,
        ss: data,
        cr0: CR0,
        cr3: 0,
        cr4: 0,
        efer: 0,
        ..long_mode::mode()
    }
}

/// The general registers at the kernel's first instruction.
pub fn registers(entry: GuestAddress) -> kvm_regs {
    kvm_regs { rip: entry.0, rbx: START_INFO.0, rflags: long_mode::RFLAGS, ..kvm_regs::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::linux::kernel_command_line;

    #[test]
    fn the_structure_leads_to_the_command_line_the_memory_and_the_initrd() {
        let memory = Memory::mapped(4096).unwrap();
        let initrd = Some(Initrd { start: 0x20_0000, size: 99 });
        write(&memory, &kernel_command_line("quiet").unwrap(), initrd).unwrap();
        let word = |address: u64| memory.map().read_obj::<u64>(GuestAddress(address)).unwrap();
        assert_eq!(word(START_INFO.0) & 0xffff_ffff, MAGIC);
        assert_eq!(word(START_INFO.0 + 8) >> 32, 1, "one module");
        let module = word(START_INFO.0 + 16);
        assert_eq!((word(module), word(module + 8)), (0x20_0000, 99));
        let mut text = [0; 6];
        memory.map().read_slice(&mut text, GuestAddress(word(START_INFO.0 + 24))).unwrap();
        assert_eq!(&text, b"quiet\0");
        let (map, entries) = (word(START_INFO.0 + 40), word(START_INFO.0 + 48));
        assert_eq!((entries, word(map + 3 * 24), word(map + 3 * 24 + 8)), (4, 4 << 30, 1 << 30));
    }

    #[test]
    fn the_cpu_is_in_protected_mode_without_paging() {
        let mode = mode();
        assert_eq!((mode.cr0 & 1 << 31, mode.cr0 & 1, mode.efer, mode.cs.l, mode.cs.db), (0, 1, 0, 0, 1));
    }
}
