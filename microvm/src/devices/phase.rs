//! The phase port: a Linux guest's init says how far the guest is, and the VMM stamps it.
//!
//! Unlike a mark, the byte goes nowhere: the time is the VMM's own, on the host's clock, and is handed over with
//! its other stamps at the end.

use crate::Error;
use crate::bus::{Device, Effect, FLOATING};
use isolab_guest::ports::{PHASE_COMMAND, PHASE_INIT};
use isolab_timeline::{Mark, Stamps};

/// The phase port.
pub struct Phase<'a> {
    stamps: &'a Stamps,
    /// What comes next. Each phase happens once, and none goes back.
    next: u8,
}

impl<'a> Phase<'a> {
    /// A port whose guest has said nothing yet.
    pub fn new(stamps: &'a Stamps) -> Phase<'a> {
        Phase { stamps, next: PHASE_INIT }
    }
}

impl Device for Phase<'_> {
    fn read(&mut self, _: u16) -> u8 {
        FLOATING
    }

    fn write(&mut self, _: u16, byte: u8) -> Result<Effect, Error> {
        if byte == self.next {
            match byte {
                PHASE_INIT => self.stamps.stamp(Mark::Init),
                PHASE_COMMAND => self.stamps.stamp(Mark::Command),
                _ => return Ok(Effect::None),
            }
            self.next += 1;
        }
        Ok(Effect::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The marks that a guest which writes `bytes` gets stamped.
    fn stamped(bytes: &[u8]) -> Vec<Mark> {
        let stamps = Stamps::default();
        let mut phase = Phase::new(&stamps);
        for &byte in bytes {
            assert_eq!(phase.write(0, byte).unwrap(), Effect::None);
        }
        stamps.record().marks.into_keys().collect()
    }

    #[test]
    fn each_phase_is_stamped_once_and_in_order() {
        assert_eq!(stamped(&[1, 2]), [Mark::Init, Mark::Command]);
        assert_eq!(stamped(&[2, 1]), [Mark::Init]);
        let every: Vec<u8> = (0..=255).chain(0..=255).collect();
        assert_eq!(stamped(&every), [Mark::Init, Mark::Command]);
    }

    #[test]
    fn a_phase_keeps_the_time_of_its_first_byte() {
        let stamps = Stamps::default();
        let mut phase = Phase::new(&stamps);
        phase.write(0, 1).unwrap();
        let first = stamps.record();
        phase.write(0, 1).unwrap();
        assert_eq!(stamps.record(), first);
    }
}
