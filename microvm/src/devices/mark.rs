//! The mark port: one byte tells the lab where the guest is.
//!
//! The byte is on standard output before the guest runs its next instruction: the exit from the guest, one
//! `write(2)`, and the lab at the other end of the pipe stamps it.

use crate::Error;
use crate::bus::{Device, Effect, FLOATING};
use crate::output::{Shared, lock};
use std::io::Write;

/// The mark port. Without an output it drops what it gets.
#[derive(Debug)]
pub struct Mark<W>(pub Option<Shared<W>>);

impl<W: Write + Send> Device for Mark<W> {
    fn read(&mut self, _: u16) -> u8 {
        FLOATING
    }

    fn write(&mut self, _: u16, byte: u8) -> Result<Effect, Error> {
        if let Some(output) = &self.0 {
            lock(output).mark(byte).map_err(Error::Output)?;
        }
        Ok(Effect::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Output;

    #[test]
    fn a_mark_is_written_or_dropped() {
        let output = Output::shared(Vec::new());
        assert_eq!(Mark(Some(output.clone())).write(0, 2).unwrap(), Effect::None);
        assert_eq!(lock(&output).to(), &[2]);
        assert_eq!(Mark::<Vec<u8>>(None).write(0, 2).unwrap(), Effect::None);
    }
}
