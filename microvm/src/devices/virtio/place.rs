//! Where virtio devices are in the guest's address space, and which interrupts they have: the one table of them.
//!
//! Nothing on this bus can be discovered by looking. The guest is told: on its command line (kernel
//! documentation, "The kernel's command-line parameters", `virtio_mmio.device`), and by ACPI for kernels that
//! were built without that parameter.

/// The first device's registers: in the hole that a PC leaves below 4 GiB.
const FIRST: u64 = 0xd000_0000;
/// What each device has for its registers: a page.
pub const SIZE: u64 = 0x1000;
/// The first device's interrupt: the lower ones are a PC's own.
const FIRST_INTERRUPT: u32 = 5;
/// The I/O APIC's last line.
const LAST_INTERRUPT: u32 = 23;

/// How many devices there can be: each has an interrupt to itself.
pub const MOST: usize = (LAST_INTERRUPT - FIRST_INTERRUPT + 1) as usize;

/// Where a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first register's guest physical address.
    pub address: u64,
    /// Its interrupt.
    pub interrupt: u32,
}

impl Place {
    /// The places of `count` devices, in order.
    pub fn first(count: usize) -> impl Iterator<Item = Place> {
        (0..count.min(MOST) as u32).map(|index| Place {
            address: FIRST + u64::from(index) * SIZE,
            interrupt: FIRST_INTERRUPT + index,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_device_has_a_page_and_an_interrupt_of_its_own() {
        let places: Vec<_> = Place::first(100).collect();
        assert_eq!(places.len(), MOST);
        assert_eq!(places[0], Place { address: 0xd000_0000, interrupt: 5 });
        assert_eq!(places[MOST - 1], Place { address: 0xd001_2000, interrupt: 23 });
    }
}
