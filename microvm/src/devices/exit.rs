//! The exit port: the byte that the guest writes is its exit status, and its end.
//!
//! A guest without firmware has no ACPI to power itself off with. QEMU's `isa-debug-exit` does the same.

use crate::Error;
use crate::bus::{Device, Effect, FLOATING};

/// The exit port.
#[derive(Clone, Copy, Debug)]
pub struct Exit;

impl Device for Exit {
    fn read(&mut self, _: u16) -> u8 {
        FLOATING
    }

    fn write(&mut self, _: u16, byte: u8) -> Result<Effect, Error> {
        Ok(Effect::End(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_is_the_status() {
        assert_eq!(Exit.write(0, 42).unwrap(), Effect::End(42));
        assert_eq!(Exit.read(0), FLOATING);
    }
}
