//! The power switch: ACPI's sleep register. To write "sleep, type 5" switches the machine off.
//!
//! Which type means off is for the machine to say; its ACPI tables do.

use crate::Error;
use crate::bus::{Device, Effect};
use isolab_guest::ports::POWER_OFF;

/// How many ports it takes: the sleep control register, and the sleep status register, always zero.
pub const REGISTERS: u16 = 2;
/// The sleep type that is off.
pub const OFF: u8 = POWER_OFF >> 2 & 7;

/// The power switch.
#[derive(Clone, Copy, Debug)]
pub struct Power;

impl Device for Power {
    fn read(&mut self, _: u16) -> u8 {
        0
    }

    fn write(&mut self, offset: u16, byte: u8) -> Result<Effect, Error> {
        Ok(if (offset, byte) == (0, POWER_OFF) { Effect::End(0) } else { Effect::None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_off_is_the_end() {
        assert_eq!(OFF, 5);
        assert_eq!(Power.write(0, POWER_OFF).unwrap(), Effect::End(0));
        for (offset, byte) in [(0, 0), (0, 5 << 2), (0, POWER_OFF | 1 << 3), (1, POWER_OFF)] {
            assert_eq!(Power.write(offset, byte).unwrap(), Effect::None);
        }
        assert_eq!(Power.read(1), 0);
    }
}
