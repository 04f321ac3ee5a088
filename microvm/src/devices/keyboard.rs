//! The keyboard controller (i8042), of which a VM keeps one thing: the wire to the CPU's reset line.
//!
//! Linux with `reboot=k` pulses it to restart the machine; here that is the machine's end: a good one when
//! somebody in the guest asked for it, an error after a panic.

use crate::Error;
use crate::bus::{Device, Effect};
use crate::output::{Shared, lock};
use crate::watch::Watch;
use isolab_guest::ports::RESET;
use std::io::Write;

/// The status register: always a byte to read, never busy. Linux's keyboard driver takes an input that
/// cannot be emptied for a controller that is not there and gives up at once, while its restart, which
/// waits as long as the controller is busy, does not wait at all.
const STATUS: u8 = 1;

/// The keyboard controller's command port.
#[derive(Debug)]
pub struct Keyboard<W>(pub Shared<Watch<W>>);

impl<W: Write + Send> Device for Keyboard<W> {
    fn read(&mut self, _: u16) -> u8 {
        STATUS
    }

    fn write(&mut self, _: u16, byte: u8) -> Result<Effect, Error> {
        match byte {
            RESET if lock(&self.0).to().has_panicked() => Err(Error::Panic),
            RESET => Ok(Effect::End(0)),
            _ => Ok(Effect::None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Output;

    #[test]
    fn only_a_reset_ends_and_after_a_panic_it_fails() {
        let output = Output::shared(Watch::new(Vec::new()));
        let mut keyboard = Keyboard(output.clone());
        assert_eq!(keyboard.write(0, 0xfe).unwrap(), Effect::End(0));
        assert_eq!(keyboard.write(0, 0xaa).unwrap(), Effect::None);
        assert_eq!(keyboard.read(0) & 2, 0, "busy: a restart would wait");
        for &byte in b"Kernel panic - not syncing: VFS\n" {
            lock(&output).text(byte).unwrap();
        }
        assert!(matches!(keyboard.write(0, 0xfe), Err(Error::Panic)));
    }
}
