//! A guest that means harm: it does to a device what a text of bytes says. The body of the fuzz targets, and of the
//! tests that play their corpora and random ones.
//!
//! Each step of the text is a byte for what to do, and its arguments. A good start is one of the steps, so that
//! a few bytes lead deep into a device; any register may be accessed in any width, any descriptor written,
//! any index claimed, at any moment.

use super::driver::{Driver, MEMORY};
use super::net::Wire;
use super::{Backend, QUEUE_SIZE};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use vm_memory::{Bytes, GuestAddress};

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes a register: its offset, how many bytes, and the value.
    Write(u16, u8, u32),
    /// Reads a register: its offset and how many bytes.
    Read(u16, u8),
    /// Writes a descriptor: the queue, its index, the buffer's address and length, the flags, the next one.
    Describe(u8, u8, u64, u32, u8, u16),
    /// Offers the chain that begins there.
    Offer(u8, u16),
    /// Claims that so many chains were offered.
    Claim(u8, u16),
    /// Has a queue served.
    Serve(u8),
    /// Starts the device anew, as it should be.
    Start,
    /// Writes four bytes of memory.
    Poke(u32, u32),
}

impl Step {
    /// The next step of `text`; `None` where it ends.
    pub fn take(text: &mut &[u8]) -> Option<Step> {
        let kind = number(text, 1)?;
        let mut next = |length| number(text, length);
        Some(match kind % 8 {
            0 => Step::Write(next(2)? as u16, next(1)? as u8, next(4)? as u32),
            1 => Step::Read(next(2)? as u16, next(1)? as u8),
            2 => Step::Describe(
                next(1)? as u8,
                next(1)? as u8,
                next(8)?,
                next(4)? as u32,
                next(1)? as u8,
                next(2)? as u16,
            ),
            3 => Step::Offer(next(1)? as u8, next(2)? as u16),
            4 => Step::Claim(next(1)? as u8, next(2)? as u16),
            5 => Step::Serve(next(1)? as u8),
            6 => Step::Start,
            _ => Step::Poke(next(4)? as u32, next(4)? as u32),
        })
    }

    /// Adds the step to `text`.
    pub fn put(self, text: &mut Vec<u8>) {
        let mut add = |parts: &[(u64, usize)]| {
            for &(value, length) in parts {
                text.extend(&value.to_le_bytes()[..length]);
            }
        };
        match self {
            Step::Write(offset, width, value) => {
                add(&[(0, 1), (offset.into(), 2), (width.into(), 1), (value.into(), 4)]);
            }
            Step::Read(offset, width) => add(&[(1, 1), (offset.into(), 2), (width.into(), 1)]),
            Step::Describe(queue, index, address, length, flags, next) => add(&[
                (2, 1),
                (queue.into(), 1),
                (index.into(), 1),
                (address, 8),
                (length.into(), 4),
                (flags.into(), 1),
                (next.into(), 2),
            ]),
            Step::Offer(queue, head) => add(&[(3, 1), (queue.into(), 1), (head.into(), 2)]),
            Step::Claim(queue, count) => add(&[(4, 1), (queue.into(), 1), (count.into(), 2)]),
            Step::Serve(queue) => add(&[(5, 1), (queue.into(), 1)]),
            Step::Start => add(&[(6, 1)]),
            Step::Poke(address, value) => add(&[(7, 1), (address.into(), 4), (value.into(), 4)]),
        }
    }
}

/// The next `length` bytes of `text` as a number.
fn number(text: &mut &[u8], length: usize) -> Option<u64> {
    let (bytes, rest) = text.split_at_checked(length)?;
    *text = rest;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

/// Does to a device of this kind all that `text` says. The device must not panic, and must come to an end.
pub fn guest(backend: Box<dyn Backend>, mut text: &[u8]) {
    let queues = backend.queues();
    let mut driver = Driver::new(backend);
    let queue = |queue: u8| usize::from(queue) % queues;
    let width = |width: u8| usize::from(width % 9);
    while let Some(step) = Step::take(&mut text) {
        match step {
            Step::Write(offset, bytes, value) => {
                driver.device.write(offset.into(), &u64::from(value).to_le_bytes()[..width(bytes)]);
            }
            Step::Read(offset, bytes) => driver.device.read(offset.into(), &mut [0; 8][..width(bytes)]),
            Step::Describe(to, index, address, length, flags, next) => {
                driver.describe(queue(to), index.into(), (address, length), flags.into(), next);
            }
            Step::Offer(to, head) => driver.offer(queue(to), head),
            Step::Claim(to, count) => driver.claim(queue(to), count),
            Step::Serve(which) => driver.device.serve(queue(which)),
            Step::Start => drop(driver.start()),
            Step::Poke(address, value) => {
                // Every second address hits the queues, which lie at the beginning.
                let size = if address & 1 == 0 { usize::from(QUEUE_SIZE) << 8 } else { MEMORY };
                let _ = driver.memory.write_obj(value, GuestAddress(u64::from(address) % size as u64));
            }
        }
    }
}

/// A wire with a packet of each length that `lengths` holds, for a network card without a host.
#[derive(Debug)]
pub struct Packets {
    /// The lengths of the packets that wait.
    pub lengths: Vec<u16>,
    /// What the guest sent.
    pub sent: Vec<Vec<u8>>,
    event: OwnedFd,
}

impl Packets {
    /// Packets of these lengths wait.
    ///
    /// # Panics
    /// When the host has no event for it.
    pub fn new(lengths: Vec<u16>) -> Packets {
        let event = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).expect("an event");
        Packets { lengths, sent: Vec::new(), event }
    }
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl Wire for Packets {
    fn receive(&mut self, packet: &mut [u8]) -> Option<usize> {
        let length = packet.len().min(self.lengths.pop()?.into());
        packet[..length].fill(0xa5);
        Some(length)
    }

    fn send(&mut self, packet: &[u8]) {
        self.sent.push(packet.to_vec());
    }

    fn without_checksums(&mut self, _: bool) {}
}

#[cfg(test)]
mod tests;
