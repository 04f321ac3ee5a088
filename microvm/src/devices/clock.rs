//! The battery-backed clock (MC146818), which has stopped: all its registers are zero.
//!
//! A guest takes the time from KVM's own clock. But a floating bus would read as "being updated just now, wait",
//! and Linux does wait, for a second of its boot.

use crate::Error;
use crate::bus::{Device, Effect};

/// How many ports it takes: which register, and its contents.
pub const REGISTERS: u16 = 2;

/// The clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock;

impl Device for Clock {
    fn read(&mut self, _: u16) -> u8 {
        0
    }

    fn write(&mut self, _: u16, _: u8) -> Result<Effect, Error> {
        Ok(Effect::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_update_is_ever_in_progress() {
        assert_eq!(Clock.write(0, 0x0a).unwrap(), Effect::None);
        assert_eq!(Clock.read(1) & 0x80, 0);
    }
}
