//! The first serial port of a PC: a 16550A UART, by vm-superio. What the guest sends is text.
//!
//! It never interrupts: there is no interrupt controller, and guests ask for the line's state instead.

use crate::Error;
use crate::bus::{Device, Effect};
use crate::output::Shared;
use std::io::{self, Write};
use vm_superio::serial::NoEvents;
use vm_superio::{Serial as Uart, Trigger};

/// How many ports it takes: its eight registers.
pub const REGISTERS: u16 = 8;

/// The interrupt line, which leads nowhere.
struct NoInterrupt;

impl Trigger for NoInterrupt {
    type E = io::Error;

    fn trigger(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The UART's line: bytes of text for the output, which flushes when it must, not at each byte.
struct Line<W>(Shared<W>);

impl<W: Write> Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut output = self.0.borrow_mut();
        bytes.iter().try_for_each(|&byte| output.text(byte))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The serial port.
pub struct Serial<W: Write>(Uart<NoInterrupt, NoEvents, Line<W>>);

impl<W: Write> Serial<W> {
    /// A serial port that sends to `output`.
    pub fn new(output: Shared<W>) -> Serial<W> {
        Serial(Uart::new(NoInterrupt, Line(output)))
    }
}

impl<W: Write> Device for Serial<W> {
    fn read(&mut self, offset: u16) -> u8 {
        self.0.read(offset as u8)
    }

    fn write(&mut self, offset: u16, byte: u8) -> Result<Effect, Error> {
        self.0.write(offset as u8, byte).map_err(|error| {
            Error::Output(match error {
                vm_superio::serial::Error::Trigger(error) | vm_superio::serial::Error::IOError(error) => {
                    error
                }
                full @ vm_superio::serial::Error::FullFifo => io::Error::other(full.to_string()),
            })
        })?;
        Ok(Effect::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Output;

    #[test]
    fn text_arrives_line_by_line_and_the_line_is_always_ready() {
        let output = Output::shared(Vec::new());
        let mut serial = Serial::new(output.clone());
        for &byte in b"hi" {
            assert_eq!(serial.read(5) & 0x20, 0x20);
            serial.write(0, byte).unwrap();
        }
        assert!(output.borrow().to().is_empty());
        serial.write(0, b'\n').unwrap();
        assert_eq!(output.borrow().to(), b"hi\n");
    }
}
