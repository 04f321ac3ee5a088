//! The usage port: a Linux guest's init says what programs and files have of the guest's memory.
//!
//! The host sees which pages a guest has touched, and not for whom. So the guest's kernel is asked, by its init, when the
//! command is ready; the number is kept, and handed over with the VMM's stamps at the end.

use crate::Error;
use crate::bus::{Device, Effect, FLOATING};
use crate::tally::Tally;

/// The usage port.
pub struct Usage<'a> {
    tally: &'a Tally,
    bytes: [u8; 8],
    length: usize,
}

impl<'a> Usage<'a> {
    /// A port whose guest has said nothing yet; what it says goes to `tally`.
    pub fn new(tally: &'a Tally) -> Usage<'a> {
        Usage { tally, bytes: [0; 8], length: 0 }
    }
}

impl Device for Usage<'_> {
    fn read(&mut self, _: u16) -> u8 {
        FLOATING
    }

    fn write(&mut self, _: u16, byte: u8) -> Result<Effect, Error> {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
            if self.length == self.bytes.len() {
                self.tally.guest_says(u64::from_le_bytes(self.bytes));
            }
        }
        Ok(Effect::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_whole_number_counts() {
        let tally = Tally::default();
        let mut usage = Usage::new(&tally);
        for byte in 5_000_u64.to_le_bytes() {
            assert_eq!(tally.guest_programs_kib(), None);
            assert_eq!(usage.write(0, byte).unwrap(), Effect::None);
        }
        for byte in [0xff; 20] {
            assert_eq!(tally.guest_programs_kib(), Some(5_000));
            assert_eq!(usage.write(0, byte).unwrap(), Effect::None);
        }
    }
}
