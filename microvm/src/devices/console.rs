//! The console of a Linux guest: the first serial port again, now with an interrupt, and an input.
//!
//! Two threads meet here, and the lock is held for one register or one burst of input. The vCPU's thread
//! answers the guest; another one waits for standard input. It hands bytes over only while the guest's driver
//! listens and has room, and sleeps otherwise: a guest that never reads costs nothing.

use super::serial::Serial;
use crate::Error;
use crate::bus::{Device, Effect};
use crate::interrupts::Line;
use crate::output::{Shared, lock};
use std::io::Write;
use std::sync::{Condvar, Mutex, PoisonError};

/// The data register, and the one that enables interrupts: after these the guest may have new room.
const DATA: u16 = 0;
const ENABLE: u16 = 1;

/// What both threads see.
struct State<W: Write> {
    serial: Serial<W, Line>,
    closed: bool,
}

/// The console.
pub struct Console<W: Write> {
    state: Mutex<State<W>>,
    changed: Condvar,
}

impl<W: Write> Console<W> {
    /// A console that sends to `output` and interrupts by `line`.
    pub fn new(output: Shared<W>, line: Line) -> Console<W> {
        let serial = Serial::with_interrupt(output, line);
        Console { state: Mutex::new(State { serial, closed: false }), changed: Condvar::new() }
    }

    /// Hands `bytes` to the guest, and waits until it has room for them. Returns whether the guest is still
    /// there.
    pub fn receive(&self, mut bytes: &[u8]) -> Result<bool, Error> {
        let mut state = lock(&self.state);
        loop {
            if state.closed || bytes.is_empty() {
                return Ok(!state.closed);
            }
            match state.serial.room().min(bytes.len()) {
                0 => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                room => {
                    state.serial.receive(&bytes[..room])?;
                    bytes = &bytes[room..];
                }
            }
        }
    }

    /// The guest has ended: nobody waits for room any more.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }
}

impl<W: Write> Device for &Console<W> {
    fn read(&mut self, offset: u16) -> u8 {
        let byte = lock(&self.state).serial.read(offset);
        if offset == DATA {
            self.changed.notify_all();
        }
        byte
    }

    fn write(&mut self, offset: u16, byte: u8) -> Result<Effect, Error> {
        let effect = lock(&self.state).serial.write(offset, byte);
        if offset == ENABLE {
            self.changed.notify_all();
        }
        effect
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Output;
    use std::thread;

    fn console() -> Console<Vec<u8>> {
        Console::new(Output::shared(Vec::new()), Line::new().unwrap())
    }

    #[test]
    fn input_waits_for_the_driver_and_for_room() {
        let console = console();
        let text: Vec<u8> = (0..200).collect();
        thread::scope(|scope| {
            let typist = scope.spawn(|| console.receive(&text).unwrap());
            let mut guest = &console;
            assert_eq!(guest.read(5) & 1, 0, "nothing arrives before the driver listens");
            guest.write(ENABLE, 1).unwrap();
            let mut seen = Vec::new();
            while seen.len() < text.len() {
                if guest.read(5) & 1 == 1 {
                    seen.push(guest.read(DATA));
                }
            }
            assert!(seen == text && typist.join().unwrap());
        });
    }

    #[test]
    fn the_end_of_the_guest_wakes_who_waits() {
        let console = console();
        thread::scope(|scope| {
            let typist = scope.spawn(|| console.receive(b"never read").unwrap());
            console.close();
            assert!(!typist.join().unwrap());
        });
    }
}
