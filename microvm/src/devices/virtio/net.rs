//! A network card (VIRTIO 1.2, 5.1): one queue of packets to the guest, one of packets from it, and a [`Wire`]
//! that they come from and go to.
//!
//! Before each packet is a header about what is left to do with it, which goes through as it is: the host's kernel,
//! at the other end of a tap interface, speaks the same. So the guest may send long packets and leave their
//! checksums undone (`HOST_TSO`, `CSUM`), and need not check those that it gets (`GUEST_CSUM`).
//!
//! A packet for which the guest has no room stays on the wire, where the host drops what is too much. It is fetched
//! when the guest offers room: that sends a notice, and the queue is served.

use super::mac::Mac;
use super::ring::{Answer, Served, serve};
use super::tap::{HEADER, Tap};
use super::{Backend, Broken, GuestMemory};
use std::os::fd::{AsFd, BorrowedFd};
use virtio_bindings::virtio_ids::VIRTIO_ID_NET;
use virtio_bindings::virtio_net::{
    VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
    VIRTIO_NET_F_MAC,
};
use virtio_queue::Queue;

/// The queue of packets to the guest.
const RECEIVE: usize = 0;
/// The longest packet with its headers (5.1.6.3.1), and the shortest.
const LONGEST: usize = 65562;
const SHORTEST: usize = HEADER + 14;
/// The header's field that says how many buffers a packet was put in: one.
const BUFFERS: usize = 10;

/// Where packets come from and go to.
pub trait Wire: AsFd + Send {
    /// Takes the next packet for the guest; `None` when there is none.
    fn receive(&mut self, packet: &mut [u8]) -> Option<usize>;
    /// Sends a packet of the guest.
    fn send(&mut self, packet: &[u8]);
    /// The guest takes packets without a checksum, or does not.
    fn without_checksums(&mut self, may: bool);
}

impl Wire for Tap {
    fn receive(&mut self, packet: &mut [u8]) -> Option<usize> {
        Tap::receive(self, packet)
    }

    fn send(&mut self, packet: &[u8]) {
        Tap::send(self, packet);
    }

    fn without_checksums(&mut self, may: bool) {
        Tap::without_checksums(self, may);
    }
}

/// A network card.
#[derive(Debug)]
pub struct Net<W> {
    wire: W,
    mac: Mac,
    /// A packet on its way.
    packet: Box<[u8]>,
}

impl<W: Wire> Net<W> {
    /// A card with this address at this wire.
    pub fn new(wire: W, mac: Mac) -> Net<W> {
        Net { wire, mac, packet: vec![0; LONGEST].into_boxed_slice() }
    }

    fn receive(&mut self, queue: &mut Queue, memory: &GuestMemory) -> Result<Served, Broken> {
        serve(queue, memory, |request| {
            let Some(length) = self.wire.receive(&mut self.packet) else { return Ok(Answer::Later) };
            // Longer than any packet of this network should be: it is lost, and its buffer comes back empty.
            if length < SHORTEST || length as u64 > request.writable.length() {
                return Ok(Answer::Done(0));
            }
            self.packet[BUFFERS..HEADER].copy_from_slice(&1_u16.to_le_bytes());
            request.write(&self.packet[..length], "a packet")?;
            Ok(Answer::Done(length as u32))
        })
    }

    fn send(&mut self, queue: &mut Queue, memory: &GuestMemory) -> Result<Served, Broken> {
        serve(queue, memory, |request| {
            let length = request.readable.length();
            if (SHORTEST as u64..=LONGEST as u64).contains(&length) {
                let packet = &mut self.packet[..length as usize];
                request.read(packet, "a packet")?;
                self.wire.send(packet);
            }
            Ok(Answer::Done(0))
        })
    }
}

impl<W: Wire> Backend for Net<W> {
    fn id(&self) -> u32 {
        VIRTIO_ID_NET
    }

    fn features(&self) -> u64 {
        let features = [
            VIRTIO_NET_F_MAC,
            VIRTIO_NET_F_CSUM,
            VIRTIO_NET_F_GUEST_CSUM,
            VIRTIO_NET_F_HOST_TSO4,
            VIRTIO_NET_F_HOST_TSO6,
        ];
        features.into_iter().fold(0, |all, feature| all | 1 << feature)
    }

    fn queues(&self) -> usize {
        2
    }

    fn config(&self) -> &[u8] {
        &self.mac.0
    }

    fn activate(&mut self, features: u64) {
        self.wire.without_checksums(features >> VIRTIO_NET_F_GUEST_CSUM & 1 == 1);
    }

    fn serve(&mut self, index: usize, queue: &mut Queue, memory: &GuestMemory) -> Result<Served, Broken> {
        if index == RECEIVE { self.receive(queue, memory) } else { self.send(queue, memory) }
    }

    fn source(&self) -> Option<(BorrowedFd<'_>, usize)> {
        Some((self.wire.as_fd(), RECEIVE))
    }
}

#[cfg(test)]
mod tests;
