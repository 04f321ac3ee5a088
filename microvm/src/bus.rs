//! The bus: which device an I/O port belongs to.
//!
//! A device knows its registers, not its place: the bus hands it an offset. Ports that nobody has are
//! as on a PC: a write is lost, a read finds the bus floating high, 0xff.

use crate::Error;
use std::fmt;

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

/// Something on the bus. Its registers are a byte wide.
pub trait Device {
    /// The guest reads the register at `offset`.
    fn read(&mut self, offset: u16) -> u8;
    /// The guest writes the register at `offset`.
    fn write(&mut self, offset: u16, byte: u8) -> Result<Effect, Error>;
}

/// A device and its place.
struct Slot<'a> {
    first: u16,
    length: u16,
    device: &'a mut dyn Device,
}

/// The I/O ports of a VM.
#[derive(Default)]
pub struct Bus<'a>(Vec<Slot<'a>>);

impl<'a> Bus<'a> {
    /// Puts `device` at `length` ports from `first` on.
    #[must_use]
    pub fn with(mut self, first: u16, length: u16, device: &'a mut dyn Device) -> Bus<'a> {
        self.0.push(Slot { first, length, device });
        self
    }

    /// The device at `port`, and the offset to hand to it.
    fn at(&mut self, port: u16) -> Option<(&mut dyn Device, u16)> {
        let slot = self.0.iter_mut().find(|slot| port.wrapping_sub(slot.first) < slot.length)?;
        Some((&mut *slot.device, port - slot.first))
    }

    /// The guest reads from `port`; each byte of `data` is one read of the same register.
    pub fn read(&mut self, port: u16, data: &mut [u8]) {
        match self.at(port) {
            Some((device, offset)) => data.fill_with(|| device.read(offset)),
            None => data.fill(FLOATING),
        }
    }

    /// The guest writes `data` to `port`; each byte is one write of the same register, up to one that ends.
    pub fn write(&mut self, port: u16, data: &[u8]) -> Result<Effect, Error> {
        let Some((device, offset)) = self.at(port) else { return Ok(Effect::None) };
        for &byte in data {
            match device.write(offset, byte)? {
                Effect::None => {}
                end @ Effect::End(_) => return Ok(end),
            }
        }
        Ok(Effect::None)
    }
}

impl fmt::Debug for Bus<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|slot| (slot.first, slot.length))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers what was written, reads the offset back, ends at a 9.
    #[derive(Default)]
    struct Recorder(Vec<(u16, u8)>);

    impl Device for Recorder {
        fn read(&mut self, offset: u16) -> u8 {
            offset as u8
        }

        fn write(&mut self, offset: u16, byte: u8) -> Result<Effect, Error> {
            self.0.push((offset, byte));
            Ok(if byte == 9 { Effect::End(byte) } else { Effect::None })
        }
    }

    #[test]
    fn a_device_sees_offsets_of_its_own_ports_only() {
        let (mut low, mut high) = (Recorder::default(), Recorder::default());
        let mut bus = Bus::default().with(0x10, 2, &mut low).with(0xfff8, 8, &mut high);
        for port in [0xf, 0x10, 0x11, 0x12, 0xfff7, 0xfff8, 0xffff] {
            assert_eq!(bus.write(port, &[1]).unwrap(), Effect::None);
        }
        assert_eq!(low.0, [(0, 1), (1, 1)]);
        assert_eq!(high.0, [(0, 1), (7, 1)]);
    }

    #[test]
    fn a_read_of_nothing_floats_high() {
        let mut device = Recorder::default();
        let mut bus = Bus::default().with(0x10, 2, &mut device);
        let mut data = [0; 2];
        bus.read(0x11, &mut data);
        assert_eq!(data, [1, 1]);
        bus.read(0x12, &mut data);
        assert_eq!(data, [FLOATING; 2]);
    }

    #[test]
    fn nothing_is_written_after_the_end() {
        let mut device = Recorder::default();
        let mut bus = Bus::default().with(0, 1, &mut device);
        assert_eq!(bus.write(0, &[8, 9, 7]).unwrap(), Effect::End(9));
        assert_eq!(device.0, [(0, 8), (0, 9)]);
    }
}
