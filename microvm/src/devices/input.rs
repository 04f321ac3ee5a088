//! The input port: what stands on the VMM's standard input, for a Linux guest's init to fetch.
//!
//! A serial line takes two exits for each byte that it receives. This port is read by a string instruction (`rep
//! insb`), for which KVM leaves the guest once in a thousand bytes. And it knows an end, which a line does not.
//!
//! What is read are frames: a length, low byte first, and so many bytes. None means that there is nothing now: the
//! guest sleeps, and whoever brings more must wake it. [`INPUT_ENDED`] means that nothing will come any more; a VMM
//! without the port says the same, as a port that nobody has floats high.

use crate::Error;
use crate::bus::{Device, Effect};
use isolab_guest::ports::{INPUT_ENDED, INPUT_MOST};
use std::collections::VecDeque;
use std::mem;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// The port.
#[derive(Debug)]
pub struct Port {
    /// What the guest has not read yet of the frame that it has begun.
    frame: VecDeque<u8>,
    /// What goes into the next one.
    next: Vec<u8>,
    /// Whether nothing comes after that.
    ended: bool,
    /// Whether the guest has looked and found nothing.
    asleep: bool,
    room: EventFd,
}

impl Port {
    /// A port without input yet.
    pub fn new() -> Result<Port, Error> {
        let room = EventFd::new(EFD_NONBLOCK).map_err(Error::Event)?;
        Ok(Port { frame: VecDeque::new(), next: Vec::new(), ended: false, asleep: false, room })
    }

    /// Readable when there is room again.
    pub fn room(&self) -> &EventFd {
        &self.room
    }

    /// Whether the guest has begun to read all that came.
    pub fn has_room(&self) -> bool {
        self.next.is_empty()
    }

    /// Takes `bytes`, at most [`INPUT_MOST`], where there is room. Returns whether the guest must be woken.
    pub fn fill(&mut self, bytes: &[u8]) -> bool {
        self.next.extend_from_slice(&bytes[..bytes.len().min(INPUT_MOST)]);
        mem::take(&mut self.asleep)
    }

    /// There is no more. Returns whether the guest must be woken.
    pub fn end(&mut self) -> bool {
        self.ended = true;
        mem::take(&mut self.asleep)
    }

    fn begin(&mut self) {
        let length = match self.next.len() {
            0 if self.ended => INPUT_ENDED,
            length => length as u16,
        };
        self.asleep = length == 0;
        self.frame.extend(length.to_le_bytes());
        if !self.next.is_empty() {
            self.frame.extend(self.next.drain(..));
            // A counter that is read at each event has room for it.
            let _ = self.room.write(1);
        }
    }
}

impl Device for Port {
    fn read(&mut self, _: u16) -> u8 {
        if self.frame.is_empty() {
            self.begin();
        }
        self.frame.pop_front().unwrap_or_default()
    }

    fn write(&mut self, _: u16, _: u8) -> Result<Effect, Error> {
        Ok(Effect::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next frame; `None`: the end.
    fn frame(port: &mut Port) -> Option<Vec<u8>> {
        let length = u16::from_le_bytes([port.read(0), port.read(0)]);
        (length != INPUT_ENDED).then(|| (0..length).map(|_| port.read(0)).collect())
    }

    #[test]
    fn frames_hold_what_came_and_then_the_end() {
        let mut port = Port::new().unwrap();
        assert!(!port.fill(b"early"), "nobody has looked yet");
        assert!(!port.has_room() && port.room().read().is_err());
        assert_eq!(frame(&mut port).unwrap(), b"early");
        assert!(port.has_room() && port.room().read().is_ok());
        port.fill(&[0xff; INPUT_MOST]);
        port.end();
        assert_eq!(frame(&mut port).unwrap(), [0xff; INPUT_MOST]);
        assert_eq!((frame(&mut port), frame(&mut port)), (None, None));
    }

    #[test]
    fn a_guest_that_found_nothing_is_woken_once() {
        let mut port = Port::new().unwrap();
        assert_eq!(frame(&mut port).unwrap(), b"");
        assert!(port.room().read().is_err());
        assert!(port.fill(b"a"));
        assert_eq!(frame(&mut port).unwrap(), b"a");
        assert!(!port.fill(b"b"), "it still reads");
        assert_eq!((frame(&mut port).unwrap(), frame(&mut port).unwrap()), (b"b".to_vec(), Vec::new()));
        assert!(port.end() && !port.end());
    }

    #[test]
    fn more_may_come_while_a_frame_is_read() {
        let mut port = Port::new().unwrap();
        port.fill(b"one");
        let begun = [port.read(0), port.read(0), port.read(0)];
        assert!(begun == [3, 0, b'o'] && port.has_room());
        port.fill(b"two");
        assert_eq!([port.read(0), port.read(0)], *b"ne");
        assert_eq!(frame(&mut port).unwrap(), b"two");
    }
}
