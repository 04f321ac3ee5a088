//! The bus: which device an I/O port, or an address without memory, belongs to.
//!
//! A device knows its registers, not its place: the bus hands it an offset. Every vCPU's thread uses the same
//! bus, so each device is behind a lock of its own: two CPUs wait for each other at one device only.
//!
//! Ports that nobody has are as on a PC: a write is lost, a read finds the bus floating high, 0xff. An address
//! that neither memory nor a device has is an error of the unikernel, which has no use for one, and floats
//! on a PC, where drivers look for devices that are not there.

use crate::Error;
use crate::output::lock;
use std::fmt;
use std::sync::Mutex;

/// What a read finds where there is no device.
pub const FLOATING: u8 = 0xff;

/// What a write did beyond the device itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the guest runs on.
    None,
    /// The guest has ended, with this status.
    End(u8),
}

/// Something behind I/O ports. Its registers are a byte wide.
pub trait Device: Send {
    /// The guest reads the register at `offset`.
    fn read(&mut self, offset: u16) -> u8;
    /// The guest writes the register at `offset`.
    fn write(&mut self, offset: u16, byte: u8) -> Result<Effect, Error>;
}

/// Something behind memory addresses. The guest chooses the width of each access, 1 to 8 bytes, and where it
/// begins.
pub trait MappedDevice: Send {
    /// The guest reads `data.len()` bytes at `offset`.
    fn read(&mut self, offset: u64, data: &mut [u8]);
    /// The guest writes `data` at `offset`.
    fn write(&mut self, offset: u64, data: &[u8]) -> Result<Effect, Error>;
}

/// A device and its place among addresses of type `A`.
struct Slot<'a, A, D: ?Sized> {
    first: A,
    length: A,
    device: &'a Mutex<D>,
}

/// The I/O ports of a VM, and the addresses that are not memory.
#[derive(Default)]
pub struct Bus<'a> {
    ports: Vec<Slot<'a, u16, dyn Device + 'a>>,
    mapped: Vec<Slot<'a, u64, dyn MappedDevice + 'a>>,
    floats: bool,
}

impl<'a> Bus<'a> {
    /// A bus on which an address that nobody has floats, as a port does.
    pub fn floating() -> Bus<'a> {
        Bus { floats: true, ..Bus::default() }
    }

    /// Puts `device` at `length` ports from `first` on.
    #[must_use]
    pub fn with(mut self, first: u16, length: u16, device: &'a Mutex<dyn Device + 'a>) -> Bus<'a> {
        self.ports.push(Slot { first, length, device });
        self
    }

    /// Puts `device` at `length` bytes of addresses from `first` on.
    #[must_use]
    pub fn with_mapped(
        mut self,
        first: u64,
        length: u64,
        device: &'a Mutex<dyn MappedDevice + 'a>,
    ) -> Bus<'a> {
        self.mapped.push(Slot { first, length, device });
        self
    }

    /// The device at `port`, and the offset to hand to it.
    fn at(&self, port: u16) -> Option<(&'a Mutex<dyn Device + 'a>, u16)> {
        let slot = self.ports.iter().find(|slot| port.wrapping_sub(slot.first) < slot.length)?;
        Some((slot.device, port - slot.first))
    }

    /// The device at all `length` bytes from `address` on, and the offset to hand to it.
    fn at_address(&self, address: u64, length: usize) -> Option<(&'a Mutex<dyn MappedDevice + 'a>, u64)> {
        let inside = |offset: u64, size: u64| offset < size && length as u64 <= size - offset;
        let slot = self.mapped.iter().find(|slot| inside(address.wrapping_sub(slot.first), slot.length))?;
        Some((slot.device, address - slot.first))
    }

    /// The guest reads from `port`; each byte of `data` is one read of the same register.
    pub fn read(&self, port: u16, data: &mut [u8]) {
        match self.at(port) {
            Some((device, offset)) => {
                let mut device = lock(device);
                data.fill_with(|| device.read(offset));
            }
            None => data.fill(FLOATING),
        }
    }

    /// The guest writes `data` to `port`; each byte is one write of the same register, up to one that ends.
    pub fn write(&self, port: u16, data: &[u8]) -> Result<Effect, Error> {
        let Some((device, offset)) = self.at(port) else { return Ok(Effect::None) };
        let mut device = lock(device);
        for &byte in data {
            match device.write(offset, byte)? {
                Effect::None => {}
                end @ Effect::End(_) => return Ok(end),
            }
        }
        Ok(Effect::None)
    }

    /// The guest reads from an address that is not memory. Returns whether anything answers there.
    pub fn read_mapped(&self, address: u64, data: &mut [u8]) -> bool {
        let Some((device, offset)) = self.at_address(address, data.len()) else {
            data.fill(FLOATING);
            return self.floats;
        };
        lock(device).read(offset, data);
        true
    }

    /// The guest writes to an address that is not memory; `None` if nothing answers there.
    pub fn write_mapped(&self, address: u64, data: &[u8]) -> Result<Option<Effect>, Error> {
        match self.at_address(address, data.len()) {
            Some((device, offset)) => lock(device).write(offset, data).map(Some),
            None => Ok(self.floats.then_some(Effect::None)),
        }
    }
}

impl fmt::Debug for Bus<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("ports", &self.ports.iter().map(|slot| (slot.first, slot.length)).collect::<Vec<_>>())
            .field("mapped", &self.mapped.iter().map(|slot| (slot.first, slot.length)).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers what was written, reads the offset back, ends at a 9.
    #[derive(Default)]
    struct Recorder(Vec<(u64, u8)>);

    impl Device for Recorder {
        fn read(&mut self, offset: u16) -> u8 {
            offset as u8
        }

        fn write(&mut self, offset: u16, byte: u8) -> Result<Effect, Error> {
            self.0.push((offset.into(), byte));
            Ok(if byte == 9 { Effect::End(byte) } else { Effect::None })
        }
    }

    impl MappedDevice for Recorder {
        fn read(&mut self, offset: u64, data: &mut [u8]) {
            data.fill(offset as u8);
        }

        fn write(&mut self, offset: u64, data: &[u8]) -> Result<Effect, Error> {
            self.0.push((offset, data[0]));
            Ok(Effect::None)
        }
    }

    fn seen(device: &Mutex<Recorder>) -> Vec<(u64, u8)> {
        lock(device).0.clone()
    }

    #[test]
    fn a_device_sees_offsets_of_its_own_ports_only() {
        let (low, high) = (Mutex::<Recorder>::default(), Mutex::<Recorder>::default());
        let bus = Bus::default().with(0x10, 2, &low).with(0xfff8, 8, &high);
        for port in [0xf, 0x10, 0x11, 0x12, 0xfff7, 0xfff8, 0xffff] {
            assert_eq!(bus.write(port, &[1]).unwrap(), Effect::None);
        }
        assert_eq!(seen(&low), [(0, 1), (1, 1)]);
        assert_eq!(seen(&high), [(0, 1), (7, 1)]);
    }

    #[test]
    fn a_read_of_nothing_floats_high() {
        let device = Mutex::<Recorder>::default();
        let bus = Bus::default().with(0x10, 2, &device);
        let mut data = [0; 2];
        bus.read(0x11, &mut data);
        assert_eq!(data, [1, 1]);
        bus.read(0x12, &mut data);
        assert_eq!(data, [FLOATING; 2]);
    }

    #[test]
    fn nothing_is_written_after_the_end() {
        let device = Mutex::<Recorder>::default();
        let bus = Bus::default().with(0, 1, &device);
        assert_eq!(bus.write(0, &[8, 9, 7]).unwrap(), Effect::End(9));
        assert_eq!(seen(&device), [(0, 8), (0, 9)]);
    }

    #[test]
    fn an_access_lies_wholly_in_a_device_or_in_none() {
        let device = Mutex::<Recorder>::default();
        for floats in [false, true] {
            let bus = if floats { Bus::floating() } else { Bus::default() };
            let bus = bus.with_mapped(0x1000, 0x10, &device).with_mapped(u64::MAX - 3, 4, &device);
            let mut data = [0; 4];
            for (address, offset) in [(0x1000, 0), (0x100c, 0xc), (u64::MAX - 3, 0)] {
                assert!(bus.read_mapped(address, &mut data));
                assert_eq!(data, [offset; 4], "{address:#x}");
                assert_eq!(bus.write_mapped(address, &[5; 4]).unwrap(), Some(Effect::None));
            }
            for address in [0, 0xfff, 0x100d, 0x1010, u64::MAX - 2, u64::MAX] {
                assert_eq!(bus.read_mapped(address, &mut data), floats, "{address:#x}");
                assert_eq!(data, [FLOATING; 4], "{address:#x}");
                assert_eq!(bus.write_mapped(address, &[6; 4]).unwrap().is_some(), floats, "{address:#x}");
            }
        }
        assert_eq!(seen(&device), [(0, 5), (0xc, 5), (0, 5), (0, 5), (0xc, 5), (0, 5)]);
    }
}
