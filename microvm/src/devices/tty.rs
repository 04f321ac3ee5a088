//! A serial port of a Linux guest (`/dev/ttyS0`, `/dev/ttyS1`): the 16550A again, now with an interrupt, and an
//! input.
//!
//! Two threads meet here, behind the bus's lock. A vCPU's thread answers the guest; the I/O thread hands bytes
//! over, but only while the guest's driver listens and has room. What does not fit waits with the I/O thread,
//! which asks to be told when there is room: a guest that never reads costs nothing.

use super::serial::{Serial, is_none};
use crate::Error;
use crate::bus::{Device, Effect};
use crate::interrupts::Line;
use crate::output::{Shared, lock};
use std::io::Write;
use std::sync::Mutex;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// The registers after which there may be new room: one enables interrupts, one controls the modem. And one says
/// why there was an interrupt: a driver reads it until there is no cause left, and then leaves its handler. Only
/// then is there more, or a guest that is fed while it reads would never leave it, nor say that it has enough.
const ENABLE: u16 = 1;
const CAUSE: u16 = 2;
const MODEM: u16 = 4;
/// So much room is worth waking a thread for.
const ENOUGH: usize = 16;

/// The port.
pub struct Tty<W: Write> {
    serial: Serial<W, Line>,
    room: EventFd,
    /// Whether somebody waits for room.
    awaited: bool,
}

impl<W: Write> Tty<W> {
    /// A port that sends to `output` and interrupts by `line`.
    pub fn new(output: Shared<W>, line: Line) -> Result<Tty<W>, Error> {
        let room = EventFd::new(EFD_NONBLOCK).map_err(Error::Event)?;
        Ok(Tty { serial: Serial::with_interrupt(output, line), room, awaited: false })
    }

    /// Hands over as many of `bytes` as there is room for and returns how many. If these are not all,
    /// there will be an event once there is room.
    fn receive(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let room = self.serial.room().min(bytes.len());
        self.serial.receive(&bytes[..room])?;
        self.awaited = room < bytes.len();
        Ok(room)
    }

    /// The guest has read, or begun to listen.
    fn changed(&mut self) {
        if self.awaited && self.serial.room() >= ENOUGH {
            self.awaited = false;
            // A counter that is read at each event has room for it.
            let _ = self.room.write(1);
        }
    }
}

impl<W: Write + Send> Device for Tty<W> {
    fn read(&mut self, offset: u16) -> u8 {
        let byte = self.serial.read(offset);
        if offset == CAUSE && is_none(byte) {
            self.changed();
        }
        byte
    }

    fn write(&mut self, offset: u16, byte: u8) -> Result<Effect, Error> {
        let effect = self.serial.write(offset, byte);
        if [ENABLE, MODEM].contains(&offset) {
            self.changed();
        }
        effect
    }
}

/// The I/O thread's end of a port: what waits for room.
pub struct Feed<'a, W: Write> {
    tty: &'a Mutex<Tty<W>>,
    room: EventFd,
    waiting: Vec<u8>,
}

impl<'a, W: Write> Feed<'a, W> {
    /// The end that feeds `tty`.
    pub fn new(tty: &'a Mutex<Tty<W>>) -> Result<Feed<'a, W>, Error> {
        let room = lock(tty).room.try_clone().map_err(Error::Event)?;
        Ok(Feed { tty, room, waiting: Vec::new() })
    }

    /// Readable when the guest has new room.
    pub fn room(&self) -> &EventFd {
        &self.room
    }

    /// Adds `bytes` to what waits, and hands over what there is room for.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.waiting.extend_from_slice(bytes);
        self.pump()
    }

    /// Hands over what there is now room for.
    pub fn pump(&mut self) -> Result<(), Error> {
        // It only says that there is room.
        let _ = self.room.read();
        if !self.waiting.is_empty() {
            let taken = lock(self.tty).receive(&self.waiting)?;
            self.waiting.drain(..taken);
        }
        Ok(())
    }

    /// What waits for room.
    pub fn waiting(&self) -> &[u8] {
        &self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Output;

    const DATA: u16 = 0;

    fn tty() -> Mutex<Tty<Vec<u8>>> {
        Mutex::new(Tty::new(Output::shared(Vec::new()), Line::new().unwrap()).unwrap())
    }

    #[test]
    fn input_waits_for_the_driver_and_for_room() {
        let tty = tty();
        let mut feed = Feed::new(&tty).unwrap();
        let text: Vec<u8> = (0..200).collect();
        feed.push(&text).unwrap();
        assert_eq!(lock(&tty).read(5) & 1, 0, "nothing arrives before the driver listens");
        assert!(feed.room().read().is_err() && feed.waiting() == text);
        lock(&tty).write(ENABLE, 1).unwrap();
        assert!(feed.room().read().is_err(), "nor before it is ready");
        lock(&tty).write(MODEM, 2).unwrap();
        assert_eq!(feed.room().read().unwrap(), 1);
        let mut seen = Vec::new();
        for _ in 0..text.len() {
            feed.pump().unwrap();
            while lock(&tty).read(5) & 1 == 1 {
                seen.push(lock(&tty).read(DATA));
            }
        }
        assert!(seen == text && feed.waiting().is_empty());
    }

    #[test]
    fn who_waits_for_room_is_told_and_nobody_else_is() {
        let tty = tty();
        lock(&tty).write(ENABLE, 1).unwrap();
        lock(&tty).write(MODEM, 2).unwrap();
        let mut feed = Feed::new(&tty).unwrap();
        feed.push(&[7; 20]).unwrap();
        assert!(feed.waiting().is_empty());
        lock(&tty).read(DATA);
        assert!(feed.room().read().is_err());
        feed.push(&[7; 100]).unwrap();
        assert!(!feed.waiting().is_empty() && feed.room().read().is_err());
        for _ in 0..ENOUGH {
            lock(&tty).read(DATA);
        }
        assert!(feed.room().read().is_err(), "the guest still reads");
        while lock(&tty).read(5) & 1 == 1 {
            lock(&tty).read(DATA);
        }
        lock(&tty).read(CAUSE);
        lock(&tty).read(CAUSE);
        assert_eq!(feed.room().read().unwrap(), 1);
    }
}
