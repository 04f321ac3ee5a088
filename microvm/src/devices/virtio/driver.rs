//! A guest's driver, on plain memory: what tests and fuzz targets put at the other side of a device. There is no VM.
//!
//! It does what Linux's does, in the order of VIRTIO 1.2, 3.1: reset, steps, features, queues, go.

use super::device::Virtio;
use super::{Backend, GuestMemory, QUEUE_SIZE};
use crate::interrupts::Line;
use virtio_bindings::virtio_mmio::{
    VIRTIO_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_DEVICE_FEATURES_SEL, VIRTIO_MMIO_DRIVER_FEATURES,
    VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_DESC_LOW,
    VIRTIO_MMIO_QUEUE_NUM, VIRTIO_MMIO_QUEUE_NUM_MAX, VIRTIO_MMIO_QUEUE_READY, VIRTIO_MMIO_QUEUE_SEL,
    VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_STATUS,
};
use virtio_bindings::virtio_ring::{VRING_DESC_F_NEXT, VRING_DESC_F_WRITE};
use vm_memory::{Bytes, GuestAddress};

/// How much memory the guest has.
pub const MEMORY: usize = 1 << 20;
/// Where its queues lie: descriptors, available ring and used ring, a page each.
const QUEUES: u64 = 0x1000;
const PAGE: u64 = 0x1000;
/// From here on it has memory for its buffers.
pub const BUFFERS: u64 = 0x10000;

/// A buffer of a request: its address, its length, and whether the device may write to it.
pub type Buffer = (u64, u32, bool);

/// A driver and its device.
pub struct Driver {
    /// The device.
    pub device: Virtio,
    /// The guest's memory.
    pub memory: GuestMemory,
    /// For each queue: the next free descriptor, the next place in the available ring, the next answer.
    next: Vec<[u16; 3]>,
}

impl Driver {
    /// A device of this kind, after a reset.
    ///
    /// # Panics
    /// When the host has no memory or no event for it.
    pub fn new(backend: Box<dyn Backend>) -> Driver {
        let memory =
            GuestMemory::from_ranges(&[(GuestAddress(0), MEMORY)]).expect("memory for a small guest");
        let next = vec![[0; 3]; backend.queues()];
        let line = Line::new().expect("an event");
        let device = Virtio::new(backend, memory.clone(), line).expect("an event for each queue");
        Driver { device, memory, next }
    }

    /// Reads a register.
    pub fn read(&self, register: u32) -> u32 {
        let mut word = [0; 4];
        self.device.read(register.into(), &mut word);
        u32::from_le_bytes(word)
    }

    /// Writes a register.
    pub fn write(&self, register: u32, value: u32) {
        self.device.write(register.into(), &value.to_le_bytes());
    }

    /// What the device offers.
    pub fn offers(&self) -> u64 {
        let half = |half| {
            self.write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, half);
            u64::from(self.read(VIRTIO_MMIO_DEVICE_FEATURES))
        };
        half(1) << 32 | half(0)
    }

    /// Takes the device from a reset up to the agreement on `features`. Returns its status.
    pub fn negotiate(&mut self, features: u64) -> u32 {
        for status in [0, 1, 3] {
            self.write(VIRTIO_MMIO_STATUS, status);
        }
        for half in 0..2 {
            self.write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
            self.write(VIRTIO_MMIO_DRIVER_FEATURES, (features >> (32 * half)) as u32);
        }
        self.write(VIRTIO_MMIO_STATUS, 0xb);
        self.read(VIRTIO_MMIO_STATUS)
    }

    /// Takes the device all the way, with all that it offers. Returns its status: 15.
    pub fn start(&mut self) -> u32 {
        self.negotiate(self.offers());
        for (index, next) in self.next.iter_mut().enumerate() {
            *next = [0; 3];
            let queue = queue(index);
            // A used ring and an available ring of nothing.
            for ring in [queue + PAGE, queue + 2 * PAGE] {
                let _ = self.memory.write_obj(0_u32, GuestAddress(ring));
            }
        }
        for index in 0..self.next.len() {
            self.write(VIRTIO_MMIO_QUEUE_SEL, index as u32);
            self.write(VIRTIO_MMIO_QUEUE_NUM, self.read(VIRTIO_MMIO_QUEUE_NUM_MAX));
            self.write(VIRTIO_MMIO_QUEUE_DESC_LOW, queue(index) as u32);
            self.write(VIRTIO_MMIO_QUEUE_AVAIL_LOW, (queue(index) + PAGE) as u32);
            self.write(VIRTIO_MMIO_QUEUE_USED_LOW, (queue(index) + 2 * PAGE) as u32);
            self.write(VIRTIO_MMIO_QUEUE_READY, 1);
        }
        self.write(VIRTIO_MMIO_STATUS, 0xf);
        self.read(VIRTIO_MMIO_STATUS)
    }

    /// Writes a descriptor, whatever it says.
    pub fn describe(&self, queue_index: usize, index: u16, buffer: (u64, u32), flags: u16, next: u16) {
        let (address, length) = buffer;
        let words = u64::from(length) | u64::from(flags) << 32 | u64::from(next) << 48;
        let place = queue(queue_index) + 16 * u64::from(index % QUEUE_SIZE);
        let _ = self.memory.write_obj([address, words].map(u64::to_le), GuestAddress(place));
    }

    /// Puts the chain that begins at `head` in the available ring, whatever it is.
    pub fn offer(&mut self, queue_index: usize, head: u16) {
        let next = self.next[queue_index][1];
        let place = queue(queue_index) + PAGE + 4 + 2 * u64::from(next % QUEUE_SIZE);
        let _ = self.memory.write_obj(head.to_le(), GuestAddress(place));
        self.claim(queue_index, next.wrapping_add(1));
    }

    /// Says how many chains there have been in the available ring, whether it is true or not.
    pub fn claim(&mut self, queue_index: usize, count: u16) {
        self.next[queue_index][1] = count;
        let _ = self.memory.write_obj(count.to_le(), GuestAddress(queue(queue_index) + PAGE + 2));
    }

    /// Lays down a request and has it answered. Returns its number.
    pub fn request(&mut self, queue_index: usize, buffers: &[Buffer]) -> u16 {
        let head = self.next[queue_index][0];
        for (place, &(address, length, writable)) in buffers.iter().enumerate() {
            let index = head.wrapping_add(place as u16) % QUEUE_SIZE;
            let next = if place + 1 < buffers.len() { VRING_DESC_F_NEXT } else { 0 };
            let write = if writable { VRING_DESC_F_WRITE } else { 0 };
            self.describe(
                queue_index,
                index,
                (address, length),
                (next | write) as u16,
                (index + 1) % QUEUE_SIZE,
            );
        }
        self.next[queue_index][0] = head.wrapping_add(buffers.len() as u16) % QUEUE_SIZE;
        self.offer(queue_index, head);
        self.device.serve(queue_index);
        head
    }

    /// The next answer: which request it is for, and how many bytes were written.
    pub fn answer(&mut self, queue_index: usize) -> Option<(u16, u32)> {
        let ring = queue(queue_index) + 2 * PAGE;
        let seen = &mut self.next[queue_index][2];
        let answered: u16 = self.memory.read_obj(GuestAddress(ring + 2)).ok()?;
        if answered == *seen {
            return None;
        }
        let place = ring + 4 + 8 * u64::from(*seen % QUEUE_SIZE);
        *seen = seen.wrapping_add(1);
        let [head, length]: [u32; 2] = self.memory.read_obj(GuestAddress(place)).ok()?;
        Some((head as u16, length))
    }

    /// Bytes of the guest's memory.
    pub fn bytes(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let _ = self.memory.read_slice(&mut bytes, GuestAddress(address));
        bytes
    }
}

/// Where the queue `index` lies.
fn queue(index: usize) -> u64 {
    QUEUES + 3 * PAGE * index as u64
}
