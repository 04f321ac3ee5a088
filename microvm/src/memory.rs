//! Guest memory: anonymous memory of this process (`mmap(2)`), handed to KVM as slots
//! (`KVM_SET_USER_MEMORY_REGION`).
//!
//! The mapping is lazy (`MAP_NORESERVE`): the host provides a page when the VMM or the guest first touches it,
//! so an idle VM costs what it has touched, not what it was promised.
//!
//! A PC has its interrupt controllers and its devices below 4 GiB, so memory makes room for them: what does not
//! fit below the hole goes on above it.

use crate::Error;
use crate::layout::{HOLE_END, HOLE_START};
use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::VmFd;
use rustix::mm::{Advice, madvise};
use rustix::system::sysinfo;
use vm_memory::{GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

/// The smallest VM, in MiB: one for what a PC has below 1 MiB, one for the image.
pub const LEAST_MIB: u32 = 2;
/// The largest VM without an operating system, in MiB: what one page directory maps.
pub const MOST_MIB: u32 = 1024;

/// All memory of one VM, from guest physical address 0.
#[derive(Debug)]
pub struct Memory {
    map: GuestMemoryMmap<()>,
    mib: u32,
}

impl Memory {
    /// Maps `mib` MiB, [`LEAST_MIB`] to [`MOST_MIB`].
    pub fn new(mib: u32) -> Result<Memory, Error> {
        if !(LEAST_MIB..=MOST_MIB).contains(&mib) {
            return Err(Error::MemorySize { mib, most: MOST_MIB.into() });
        }
        Memory::mapped(mib)
    }

    /// Maps `mib` MiB, [`LEAST_MIB`] to as much as this host has.
    pub fn within_host(mib: u32) -> Result<Memory, Error> {
        let host = sysinfo();
        let most = (host.totalram * u64::from(host.mem_unit)) >> 20;
        if !(u64::from(LEAST_MIB)..=most).contains(&mib.into()) {
            return Err(Error::MemorySize { mib, most });
        }
        Memory::mapped(mib)
    }

    /// Maps `mib` MiB, around the hole.
    pub(crate) fn mapped(mib: u32) -> Result<Memory, Error> {
        let size = u64::from(mib) << 20;
        let low = size.min(HOLE_START);
        let mut ranges = vec![(GuestAddress(0), low as usize)];
        if size > low {
            ranges.push((GuestAddress(HOLE_END), (size - low) as usize));
        }
        let map = GuestMemoryMmap::from_ranges(&ranges).map_err(|source| Error::MapMemory { mib, source })?;
        Ok(Memory { map, mib })
    }

    /// Asks for huge pages where `wanted` (`madvise(2)`, `MADV_HUGEPAGE`), which most hosts give on request only: fewer
    /// faults and shorter page tables, for up to 2 MiB where the guest touches a byte.
    pub(crate) fn with_huge_pages(self, wanted: bool) -> Result<Memory, Error> {
        for region in self.map.iter().filter(|_| wanted) {
            let (start, length) = (region.as_ptr(), region.len() as usize);
            // SAFETY: exactly a live anonymous mapping, whose content the advice does not change.
            unsafe { madvise(start.cast(), length, Advice::LinuxHugepage) }
                .map_err(|error| Error::HugePages(error.into()))?;
        }
        Ok(self)
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        u64::from(self.mib) << 20
    }

    /// The first address behind the memory below the hole.
    pub fn low_end(&self) -> u64 {
        self.size().min(HOLE_START)
    }

    /// The first address behind what a guest's first page tables map, and an image therefore lies in.
    pub fn first_gib(&self) -> u64 {
        self.size().min(1 << 30)
    }

    /// The mapping, to read and write by guest physical address.
    pub fn map(&self) -> &GuestMemoryMmap<()> {
        &self.map
    }

    /// Gives this memory to `vm`. It must be kept as long as the VM (see [`crate::Vm`]).
    pub(crate) fn give_to(&self, vm: &VmFd) -> Result<(), Error> {
        for (number, region) in (0..).zip(self.map.iter()) {
            let slot = kvm_userspace_memory_region {
                slot: number,
                flags: 0,
                guest_phys_addr: region.start_addr().0,
                memory_size: region.len(),
                userspace_addr: self.map.get_host_address(region.start_addr())? as u64,
            };
            // SAFETY: the slot is exactly a live mapping of this process, which Rust only accesses through
            // vm-memory's volatile reads and writes; `Vm` and `Machine` drop it after the VM's last descriptor.
            unsafe { vm.set_user_memory_region(slot) }
                .map_err(Error::kvm("giving the VM its memory (KVM_SET_USER_MEMORY_REGION)"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm_memory::Bytes;

    #[test]
    fn absurd_sizes_are_refused() {
        for mib in [0, 1, 1025, u32::MAX] {
            assert!(
                matches!(Memory::new(mib), Err(Error::MemorySize { mib: refused, most: 1024 }) if refused == mib)
            );
        }
    }

    #[test]
    fn memory_ends_where_it_says() {
        let memory = Memory::new(2).unwrap();
        assert_eq!(memory.size(), 2 << 20);
        memory.map().write_obj(7_u8, GuestAddress(memory.size() - 1)).unwrap();
        memory.map().write_obj(7_u8, GuestAddress(memory.size())).unwrap_err();
    }

    #[test]
    fn memory_goes_on_above_the_hole() {
        let memory = Memory::mapped(3073).unwrap();
        assert_eq!((memory.low_end(), memory.first_gib()), (3 << 30, 1 << 30));
        for (address, there) in [(HOLE_START - 1, true), (HOLE_START, false), (HOLE_END - 1, false)] {
            assert_eq!(memory.map().write_obj(7_u8, GuestAddress(address)).is_ok(), there, "{address:#x}");
        }
        memory.map().write_obj(7_u8, GuestAddress(HOLE_END + (1 << 20) - 1)).unwrap();
        memory.map().write_obj(7_u8, GuestAddress(HOLE_END + (1 << 20))).unwrap_err();
    }

    #[test]
    fn more_than_the_host_has_is_refused() {
        for mib in [0, 1, u32::MAX] {
            assert!(matches!(Memory::within_host(mib), Err(Error::MemorySize { .. })), "{mib}");
        }
        Memory::within_host(2).unwrap();
    }
}
