//! Virtio devices (Virtual I/O Device, "VIRTIO", version 1.2): made for guests, so that one notice to the
//! VMM and one interrupt back can carry many requests.
//!
//! The guest's driver and a device share **queues** in guest memory. The driver lays down a request as a chain of
//! buffers, some to read and some to write, and puts it in the queue's *available* ring; the device answers and
//! puts it in the *used* ring. In the order in which one request goes:
//!
//! 1. [`config`]: which devices there are; [`place`]: where, and how the guest finds them.
//! 2. [`mmio`]: its registers: driver and device agree on features, then the driver says where its queues lie.
//! 3. [`device`]: the driver's notice arrives at the I/O thread, without an exit to the VMM.
//! 4. [`ring`]: takes requests out of the queue and puts the answers back.
//! 5. [`request`]: one request's buffers, checked.
//! 6. [`block`], [`net`] (its wire is [`tap`]), [`rng`]: what the devices are: they answer requests.
//! 7. [`interrupt`]: tells the guest.
//!
//! [`driver`] is the other side of it, for tests: a guest that does it right; with [`hostile`], one that does not.
//!
//! All of guest memory is the guest's to fill with nonsense, at any time. A queue that makes no sense fails its
//! device (`DEVICE_NEEDS_RESET`), which then does nothing until the guest resets it; everything else goes on.

pub mod block;
pub mod config;
pub mod device;
pub mod driver;
pub mod hostile;
pub mod interrupt;
pub mod mac;
pub mod mmio;
pub mod net;
pub mod place;
pub mod request;
pub mod ring;
pub mod rng;
#[allow(unsafe_code)]
pub mod tap;

use request::Broken;
use ring::Served;
use std::os::fd::BorrowedFd;
use virtio_queue::Queue;
use vm_memory::GuestMemoryMmap;

/// The guest's memory, as devices see it.
pub type GuestMemory = GuestMemoryMmap<()>;

/// How many requests a queue holds at most.
pub const QUEUE_SIZE: u16 = 256;

/// Why a VM cannot have the devices that it shall have.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// A drive cannot be had.
    #[error(transparent)]
    Drive(#[from] block::DriveError),
    /// A tap interface cannot be had.
    #[error(transparent)]
    Tap(#[from] tap::TapError),
    /// There is no place for so many.
    #[error("{0} devices: give a VM at most {most}", most = place::MOST)]
    TooMany(usize),
}

/// What makes a virtio device a disk or a network card: everything but its transport.
pub trait Backend: Send {
    /// What it is (VIRTIO 1.2, 5: the device's ID).
    fn id(&self) -> u32;

    /// The features that it offers, one bit each, beside those of the transport.
    fn features(&self) -> u64;

    /// How many queues it has.
    fn queues(&self) -> usize;

    /// Its configuration space, which does not change.
    fn config(&self) -> &[u8];

    /// The driver is ready, with these features.
    fn activate(&mut self, _features: u64) {}

    /// Answers what waits in the queue `index`, up to a bound.
    fn serve(&mut self, index: usize, queue: &mut Queue, memory: &GuestMemory) -> Result<Served, Broken>;

    /// What wakes it from the host's side, and the queue to serve then.
    fn source(&self) -> Option<(BorrowedFd<'_>, usize)> {
        None
    }
}

/// Says something about a device on standard error, once: a guest that could repeat it would fill the disk
/// that it is written to.
#[derive(Debug, Default)]
pub(crate) struct Complaint(bool);

impl Complaint {
    pub(crate) fn once(&mut self, text: impl FnOnce() -> String) {
        if !std::mem::replace(&mut self.0, true) {
            eprintln!("isolab-microvm: {}", text());
        }
    }
}
