//! Guest memory: anonymous memory of this process (`mmap(2)`), handed to KVM as a slot
//! (`KVM_SET_USER_MEMORY_REGION`).
//!
//! The mapping is lazy (`MAP_NORESERVE`): the host provides a page when the VMM or the guest first touches it,
//! so an idle VM costs what it has touched, not what it was promised.

use crate::Error;
use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::VmFd;
use vm_memory::{GuestAddress, GuestMemoryBackend, GuestMemoryMmap};

/// The smallest VM, in MiB: one for what a PC has below 1 MiB, one for the image.
pub const LEAST_MIB: u32 = 2;
/// The largest VM, in MiB: what one page directory maps.
pub const MOST_MIB: u32 = 1024;

/// All memory of one VM: one range, from guest physical address 0.
#[derive(Debug)]
pub struct Memory {
    map: GuestMemoryMmap<()>,
    mib: u32,
}

impl Memory {
    /// Maps `mib` MiB, [`LEAST_MIB`] to [`MOST_MIB`].
    pub fn new(mib: u32) -> Result<Memory, Error> {
        if !(LEAST_MIB..=MOST_MIB).contains(&mib) {
            return Err(Error::MemorySize(mib));
        }
        let size = (mib as usize) << 20;
        let map = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), size)])
            .map_err(|source| Error::MapMemory { mib, source })?;
        Ok(Memory { map, mib })
    }

    /// Its size in bytes, which is also the first address behind it.
    pub fn size(&self) -> u64 {
        u64::from(self.mib) << 20
    }

    /// The mapping, to read and write by guest physical address.
    pub fn map(&self) -> &GuestMemoryMmap<()> {
        &self.map
    }

    /// Gives this memory to `vm`. It must be kept as long as the VM (see [`crate::Vm`]).
    pub(crate) fn give_to(&self, vm: &VmFd) -> Result<(), Error> {
        let slot = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: 0,
            memory_size: self.size(),
            userspace_addr: self.map.get_host_address(GuestAddress(0))? as u64,
        };
        // SAFETY: the slot is exactly a live mapping of this process, which Rust only accesses through
        // vm-memory's volatile reads and writes; `Vm` drops it after the VM's last descriptor.
        unsafe { vm.set_user_memory_region(slot) }
            .map_err(Error::kvm("giving the VM its memory (KVM_SET_USER_MEMORY_REGION)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm_memory::Bytes;

    #[test]
    fn absurd_sizes_are_refused() {
        for mib in [0, 1, 1025, u32::MAX] {
            assert!(matches!(Memory::new(mib), Err(Error::MemorySize(refused)) if refused == mib));
        }
    }

    #[test]
    fn memory_ends_where_it_says() {
        let memory = Memory::new(2).unwrap();
        assert_eq!(memory.size(), 2 << 20);
        memory.map().write_obj(7_u8, GuestAddress(memory.size() - 1)).unwrap();
        memory.map().write_obj(7_u8, GuestAddress(memory.size())).unwrap_err();
    }
}
