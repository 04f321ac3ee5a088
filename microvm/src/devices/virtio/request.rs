//! One request: the buffers of a descriptor chain (VIRTIO 1.2, 2.7.5), first those that the device reads, then
//! those that it writes.
//!
//! The crate's iterator over a chain ends where the chain makes no sense, and looks then as if the chain
//! ended there. So the chain is walked once and checked here: complete, no longer than its queue, all of it in
//! guest memory. The addresses are copied on the way: what the guest changes in its descriptors afterwards has
//! no effect. The buffers may still overlap each other, or the queue itself, which harms nobody but the guest.

use super::GuestMemory;
use std::fs::File;
use std::io;
use virtio_queue::DescriptorChain;
use vm_memory::{Address, Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryError};

/// How a guest broke a queue.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The rings are not usable, or their indices run backwards or too far.
    #[error("{0}")]
    Ring(virtio_queue::Error),
    /// The rings are not in guest memory.
    #[error("its rings are not in guest memory")]
    Outside,
    /// A chain has no end, or leads out of its table.
    #[error("a descriptor chain does not end, or leads out of its table")]
    Chain,
    /// A buffer to read lies behind one to write.
    #[error("a descriptor chain has a buffer to read behind one to write")]
    Order,
    /// A buffer is not in guest memory.
    #[error("a buffer of {length} bytes at {address:#x} is not in guest memory")]
    Memory {
        /// Its guest physical address.
        address: u64,
        /// Its length in bytes.
        length: u32,
    },
    /// The request lacks what every request of this device has.
    #[error("a request has no room for {0}")]
    Short(&'static str),
    /// Guest memory cannot be accessed.
    #[error("{0}")]
    Access(#[from] GuestMemoryError),
}

impl From<virtio_queue::Error> for Broken {
    fn from(error: virtio_queue::Error) -> Broken {
        Broken::Ring(error)
    }
}

/// Consecutive bytes of guest memory.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: GuestAddress,
    length: u32,
}

/// Buffers in guest memory, one behind the other, used up from the front.
#[derive(Debug, Default)]
pub struct Buffers {
    parts: Vec<Part>,
    /// The first part that is not used up.
    next: usize,
}

impl Buffers {
    /// How many bytes are left.
    pub fn length(&self) -> u64 {
        self.parts[self.next..].iter().map(|part| u64::from(part.length)).sum()
    }

    /// Takes the next consecutive bytes, at most `most` of them; `None` when all are used up.
    fn take(&mut self, most: u64) -> Option<Part> {
        let part = self.parts.get_mut(self.next)?;
        let length = most.min(part.length.into()) as u32;
        let taken = Part { start: part.start, length };
        part.start = part.start.checked_add(length.into())?;
        part.length -= length;
        self.next += usize::from(part.length == 0);
        Some(taken)
    }

    /// Takes the last byte of all.
    fn take_last(&mut self) -> Option<GuestAddress> {
        let part = self.parts[self.next..].iter_mut().rfind(|part| part.length > 0)?;
        part.length -= 1;
        part.start.checked_add(part.length.into())
    }
}

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    memory: &'a GuestMemory,
    /// What the device may read.
    pub readable: Buffers,
    /// What it may write.
    pub writable: Buffers,
}

impl<'a> Request<'a> {
    /// Walks `chain` in `memory`, of a queue that holds `size` descriptors.
    pub fn parse(
        chain: DescriptorChain<&'a GuestMemory>,
        memory: &'a GuestMemory,
        size: u16,
    ) -> Result<Request<'a>, Broken> {
        let (mut readable, mut writable) = (Buffers::default(), Buffers::default());
        let mut ended = false;
        for descriptor in chain.take(size.into()) {
            let part = Part { start: descriptor.addr(), length: descriptor.len() };
            if !GuestMemoryBackend::check_range(memory, part.start, part.length as usize) {
                return Err(Broken::Memory { address: part.start.raw_value(), length: part.length });
            }
            match (descriptor.is_write_only(), writable.parts.is_empty()) {
                (true, _) => writable.parts.push(part),
                (false, true) => readable.parts.push(part),
                (false, false) => return Err(Broken::Order),
            }
            ended = !descriptor.has_next();
        }
        if ended { Ok(Request { memory, readable, writable }) } else { Err(Broken::Chain) }
    }

    /// Fills `bytes` from the readable buffers; `what` it is, if they hold less.
    pub fn read(&mut self, bytes: &mut [u8], what: &'static str) -> Result<(), Broken> {
        let mut rest = &mut *bytes;
        while !rest.is_empty() {
            let part = self.readable.take(rest.len() as u64).ok_or(Broken::Short(what))?;
            let (now, later) = rest.split_at_mut(part.length as usize);
            self.memory.read_slice(now, part.start)?;
            rest = later;
        }
        Ok(())
    }

    /// Writes `bytes` to the writable buffers; `what` it is, if they hold less.
    pub fn write(&mut self, bytes: &[u8], what: &'static str) -> Result<(), Broken> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let part = self.writable.take(rest.len() as u64).ok_or(Broken::Short(what))?;
            let (now, later) = rest.split_at(part.length as usize);
            self.memory.write_slice(now, part.start)?;
            rest = later;
        }
        Ok(())
    }

    /// Takes the last writable byte for an answer that is written later.
    pub fn status(&mut self) -> Result<Status<'a>, Broken> {
        let place = self.writable.take_last().ok_or(Broken::Short("its status"))?;
        Ok(Status { memory: self.memory, place })
    }

    /// Fills the writable buffers from `file`, from where it stands, without a copy in between.
    pub fn write_from(&mut self, file: &mut File) -> io::Result<()> {
        while let Some(part) = self.writable.take(u64::MAX) {
            self.memory.read_exact_volatile_from(part.start, file, part.length as usize).map_err(reason)?;
        }
        Ok(())
    }

    /// Writes the readable buffers to `file`, from where it stands, without a copy in between.
    pub fn read_to(&mut self, file: &mut File) -> io::Result<()> {
        while let Some(part) = self.readable.take(u64::MAX) {
            self.memory.write_all_volatile_to(part.start, file, part.length as usize).map_err(reason)?;
        }
        Ok(())
    }
}

/// The byte in which a device says how a request went.
#[derive(Debug)]
pub struct Status<'a> {
    memory: &'a GuestMemory,
    place: GuestAddress,
}

impl Status<'_> {
    /// Says it.
    pub fn write(self, status: u8) -> Result<(), Broken> {
        Ok(self.memory.write_obj(status, self.place)?)
    }
}

/// What a file answered, without the words about guest memory around it.
fn reason(error: GuestMemoryError) -> io::Error {
    match error {
        GuestMemoryError::IOError(error) => error,
        other => io::Error::other(other),
    }
}
