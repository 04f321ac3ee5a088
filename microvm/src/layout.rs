//! What lies where in guest memory.
//!
//! ```text
//!  guest physical address
//!
//!                ┌─────────────────────────────┐
//!                │ free for the guest          │ for Linux only: what did not fit below
//!  0x1_0000_0000 ├─────────────────────────────┤ 4 GiB
//!                │ interrupt controllers       │ 0xfec0_0000, 0xfee0_0000: KVM's
//!                │ virtio devices              │ 0xd000_0000: a page each
//!  0xc000_0000   ├─────────────────────────────┤ 3 GiB, or memory's end (1 GiB at most for the unikernel)
//!                │ initial RAM file system     │ for Linux only, as high as the kernel can reach
//!                ├─────────────────────────────┤
//!                │ free for the guest          │
//!                ├─────────────────────────────┤
//!                │ the guest's ELF segments    │ at the addresses that its file says, below 1 GiB
//!  0x0010_0000   ├─────────────────────────────┤ 1 MiB
//!                │ not reported to the guest   │ a PC has its video memory and its firmware here
//!  0x000a_0000   ├─────────────────────────────┤
//!                │ MP table                    │ for Linux only: its CPUs and its interrupts
//!  0x0009_fc00   ├─────────────────────────────┤
//!                │ ACPI tables                 │ for Linux only: the same for stock kernels, and the devices
//!  0x0009_f000   ├─────────────────────────────┤
//!                │ free for the guest          │
//!  0x0000_5000   ├─────────────────────────────┤
//!                │ command line, GDT           │ one page
//!  0x0000_4000   ├─────────────────────────────┤
//!                │ zero page: boot parameters  │ or PVH's structures
//!  0x0000_3000   ├─────────────────────────────┤
//!                │ page tables: PML4, PDPT, PD │ a page each
//!  0x0000_0000   └─────────────────────────────┘
//! ```
//!
//! What the VMM writes lies close together and below 1 MiB: the guest takes over with tables of its own and
//! may then use all of it. Each page that is touched costs the host a page fault.

use vm_memory::GuestAddress;

/// The top page table: 512 entries of 512 GiB each; the first one is used.
pub const PML4: GuestAddress = GuestAddress(0x0000);
/// The next: 512 entries of 1 GiB each; the first one is used.
pub const PDPT: GuestAddress = GuestAddress(0x1000);
/// The last: 512 entries of 2 MiB each.
pub const PD: GuestAddress = GuestAddress(0x2000);
/// The zero page of the Linux boot protocol.
pub const ZERO_PAGE: GuestAddress = GuestAddress(0x3000);
/// PVH's structures, in the zero page's place: what points at everything, the list of modules, the memory map.
pub const START_INFO: GuestAddress = ZERO_PAGE;
/// The list of modules: one, the initial RAM file system.
pub const MODULES: GuestAddress = GuestAddress(0x3040);
/// The memory map.
pub const MEMORY_MAP: GuestAddress = GuestAddress(0x3080);
/// The kernel command line, with its final zero byte.
pub const COMMAND_LINE: GuestAddress = GuestAddress(0x4000);
/// The longest command line, final zero byte included: Linux's own limit on x86.
pub const COMMAND_LINE_SIZE: usize = 2048;
/// The global descriptor table.
pub const GDT: GuestAddress = GuestAddress(0x4800);
/// The ACPI tables, in one page with the MP table. The kernel is told where.
pub const ACPI: GuestAddress = GuestAddress(0x9_f000);
/// So many bytes are theirs.
pub const ACPI_SIZE: u64 = 0xc00;
/// The MP table: the last KiB of low memory is one of the places where a kernel looks for it.
pub const MP_TABLE: GuestAddress = GuestAddress(0x9_fc00);
/// Low memory ends here.
pub const LOW_END: u64 = 0xa_0000;
/// The hole for devices begins here, if memory reaches so far.
pub const HOLE_START: u64 = 0xc000_0000;
/// Memory goes on here.
pub const HOLE_END: u64 = 0x1_0000_0000;
/// High memory, and with it the image, begins here.
pub const HIGH_START: u64 = 0x10_0000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps() {
        let gdt_end = GDT.0 + 4 * 8;
        let places = [
            (PML4.0, PML4.0 + 4096),
            (PDPT.0, PDPT.0 + 4096),
            (PD.0, PD.0 + 4096),
            (ZERO_PAGE.0, ZERO_PAGE.0 + 4096),
            (COMMAND_LINE.0, COMMAND_LINE.0 + COMMAND_LINE_SIZE as u64),
            (GDT.0, gdt_end),
            (ACPI.0, ACPI.0 + ACPI_SIZE),
            (MP_TABLE.0, MP_TABLE.0 + 1024),
            (LOW_END, HIGH_START),
        ];
        assert!(places.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{places:x?}");
        assert!(places[..4].iter().all(|place| place.0 % 4096 == 0), "{places:x?}");
    }
}
