//! Where the VMM left the command line and the memory map: the zero page of the Linux boot protocol,
//! or PVH's start info (kernel documentation, "zero-page"; Xen, `arch-x86/hvm/start_info.h`).
//!
//! Both are structures at physical addresses, and memory is identity mapped, so reading them is reading at
//! a fixed offset.

use crate::entry::{PVH, image_end};
use core::ptr::with_exposed_provenance as at;
use isolab_guest::memory_map::{Range, free_from};

/// As long a command line as is read, in bytes: Linux's own limit on x86.
const LONGEST: usize = 2048;

/// The zero page: how many e820 ranges, the command line's address, and the ranges (20 bytes each).
const E820_COUNT: usize = 0x1e8;
const COMMAND_LINE: usize = 0x228;
const E820: usize = 0x2d0;
/// PVH: the addresses of the command line and of the memory map (24 bytes a range), how many ranges.
const PVH_COMMAND_LINE: usize = 24;
const PVH_MAP: usize = 40;
const PVH_MAP_COUNT: usize = 48;

/// The structure that the VMM handed over.
#[derive(Clone, Copy)]
pub(crate) struct Boot {
    /// Its guest physical address.
    pub(crate) address: u32,
    /// What it is: [`PVH`], or the zero page.
    pub(crate) protocol: u32,
}

impl Boot {
    /// The kernel command line.
    pub(crate) fn command_line(self) -> &'static [u8] {
        let field = if self.protocol == PVH { PVH_COMMAND_LINE } else { COMMAND_LINE };
        let address = self.word(field) as usize;
        if address == 0 {
            return &[];
        }
        // SAFETY: by the boot protocol a string that ends in a zero byte lies there, below 1 GiB, and
        // nothing writes to it. (Volatile, or the compiler makes this loop a call of `strlen`.)
        unsafe {
            let text = at::<u8>(address);
            let length = (0..LONGEST).take_while(|&place| text.add(place).read_volatile() != 0).count();
            core::slice::from_raw_parts(text, length)
        }
    }

    /// The memory behind the unikernel, which nothing else uses.
    pub(crate) fn free_memory(self) -> &'static mut [u8] {
        let (map, entry, count) = if self.protocol == PVH {
            (self.word(PVH_MAP) as usize, 24, self.word(PVH_MAP_COUNT))
        } else {
            (self.address as usize + E820, 20, self.word(E820_COUNT) & 0xff)
        };
        let ranges = (0..count as usize).map(|index| {
            let range = map + index * entry;
            // SAFETY: by the boot protocol the map has so many entries, each with two 64-bit numbers
            // and a 32-bit one, packed.
            unsafe {
                Range {
                    start: at::<u64>(range).read_unaligned(),
                    length: at::<u64>(range + 8).read_unaligned(),
                    kind: at::<u32>(range + 16).read_unaligned(),
                }
            }
        });
        let start = image_end();
        let length = free_from(start as u64, ranges) as usize;
        // SAFETY: the map says that this is RAM, the page tables map it, the image ends before it, and VMMs
        // put their boot structures below 1 MiB. It is called once, so there is no second reference.
        unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut(start), length) }
    }

    /// Four bytes of the structure.
    fn word(self, offset: usize) -> u32 {
        // SAFETY: by the boot protocol the structure reaches beyond each offset that is asked for here.
        unsafe { at::<u32>(self.address as usize + offset).read_unaligned() }
    }
}
