//! Sentences, on the first serial port of a PC (16550A UART), without interrupts.

use isolab_guest::port::{input, out};
use isolab_guest::ports::SERIAL;

/// Registers, from the port's base: data, FIFO control, line status.
const DATA: u16 = SERIAL;
const FIFO_CONTROL: u16 = SERIAL + 2;
const LINE_STATUS: u16 = SERIAL + 5;

const ENABLE_FIFO: u8 = 1;
const FIFO: usize = 16;
const TRANSMITTER_EMPTY: u8 = 1 << 5;

/// Writes all of `bytes`. With the FIFO, the line's state is asked for once for 16 bytes:
/// each access of a port is a VM exit.
#[inline(never)]
pub(crate) fn say(bytes: &[u8]) {
    out(FIFO_CONTROL, ENABLE_FIFO);
    for burst in bytes.chunks(FIFO) {
        while input(LINE_STATUS) & TRANSMITTER_EMPTY == 0 {}
        for &byte in burst {
            out(DATA, byte);
        }
    }
}
