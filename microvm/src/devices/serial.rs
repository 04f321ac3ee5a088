//! The first serial port of a PC: a 16550A UART, by vm-superio. What the guest sends is text.
//!
//! For the unikernel it never interrupts: there is no interrupt controller, and the guest asks for the line's
//! state instead. For Linux, [`super::tty`] gives it an interrupt and an input.

use crate::Error;
use crate::bus::{Device, Effect};
use crate::output::{Shared, lock};
use std::io::{self, Write};
use vm_superio::serial::{Error as UartError, NoEvents};
use vm_superio::{Serial as Uart, Trigger};

/// How many ports it takes: its eight registers.
pub const REGISTERS: u16 = 8;

/// Interrupt enable register: interrupt when a byte has been received.
const RECEIVED: u8 = 1;
/// The interrupt identification register, with "none is pending" and "data has been received" in its low half.
const IDENTIFY: u16 = 2;
const CAUSE: u8 = 0x0f;
const NO_CAUSE: u8 = 1;
const DATA_RECEIVED: u8 = 4;
/// Line status register: received data waits.
const DATA_READY: u8 = 1;
/// Modem control register: the line "request to send". Linux raises it when the port is open and set up.
const READY: u8 = 1 << 1;
/// Modem control register: what is sent comes back, a driver's self-test.
const LOOP: u8 = 1 << 4;

/// An interrupt line that leads nowhere.
#[derive(Clone, Copy, Debug)]
pub struct NoInterrupt;

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
        let mut output = lock(&self.0);
        bytes.iter().try_for_each(|&byte| output.text(byte))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The serial port.
pub struct Serial<W: Write, T: Trigger<E = io::Error> = NoInterrupt>(Uart<T, NoEvents, Line<W>>);

impl<W: Write> Serial<W> {
    /// A serial port that sends to `output`.
    pub fn new(output: Shared<W>) -> Serial<W> {
        Serial::with_interrupt(output, NoInterrupt)
    }
}

impl<W: Write, T: Trigger<E = io::Error>> Serial<W, T> {
    /// A serial port that sends to `output` and asks for attention by `interrupt`.
    pub fn with_interrupt(output: Shared<W>, interrupt: T) -> Serial<W, T> {
        Serial(Uart::new(interrupt, Line(output)))
    }

    /// How many bytes the guest is ready to receive now: none before its driver has asked for interrupts,
    /// because vm-superio raises none for what arrived earlier, and none before it says that it is ready:
    /// until then it throws away what it finds.
    pub fn room(&self) -> usize {
        let state = self.0.state();
        let listens = state.interrupt_enable & RECEIVED != 0 && state.modem_control & (READY | LOOP) == READY;
        if listens { self.0.fifo_capacity() } else { 0 }
    }

    /// Lets the guest receive `bytes`, at most [`Serial::room`] of them.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.enqueue_raw_bytes(bytes).map(drop).map_err(error)
    }
}

/// What vm-superio reports, as ours.
fn error(error: UartError<io::Error>) -> Error {
    Error::Output(match error {
        UartError::Trigger(error) | UartError::IOError(error) => error,
        full @ UartError::FullFifo => io::Error::other(full.to_string()),
    })
}

/// Whether the interrupt identification register, read as `byte`, names no cause.
pub(super) fn is_none(byte: u8) -> bool {
    byte & CAUSE == NO_CAUSE
}

impl<W: Write + Send, T: Trigger<E = io::Error> + Send> Device for Serial<W, T> {
    fn read(&mut self, offset: u16) -> u8 {
        let byte = self.0.read(offset as u8);
        // vm-superio forgets the cause at the first byte that is read. But it lasts while there are more: a driver
        // that takes so many at a time and then asks whether that was all would wait for an interrupt for ever.
        if offset == IDENTIFY && is_none(byte) {
            let state = self.0.state();
            if state.interrupt_enable & RECEIVED != 0 && state.line_status & DATA_READY != 0 {
                return byte & !CAUSE | DATA_RECEIVED;
            }
        }
        byte
    }

    fn write(&mut self, offset: u16, byte: u8) -> Result<Effect, Error> {
        self.0.write(offset as u8, byte).map_err(error)?;
        Ok(Effect::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Output;

    #[test]
    fn data_that_waits_is_a_cause_until_it_is_read() {
        let mut serial = Serial::new(Output::shared(Vec::new()));
        serial.write(1, RECEIVED).unwrap();
        serial.write(4, READY).unwrap();
        serial.receive(b"ab").unwrap();
        for left in [true, false] {
            assert_eq!(serial.read(IDENTIFY) & CAUSE, DATA_RECEIVED);
            serial.read(0);
            assert_eq!(serial.read(IDENTIFY) & CAUSE == DATA_RECEIVED, left);
        }
    }

    #[test]
    fn text_arrives_line_by_line_and_the_line_is_always_ready() {
        let output = Output::shared(Vec::new());
        let mut serial = Serial::new(output.clone());
        for &byte in b"hi" {
            assert_eq!(serial.read(5) & 0x20, 0x20);
            serial.write(0, byte).unwrap();
        }
        assert!(lock(&output).to().is_empty());
        serial.write(0, b'\n').unwrap();
        assert_eq!(lock(&output).to(), b"hi\n");
    }
}
