//! A tap interface (kernel documentation, "Universal TUN/TAP device driver"): an Ethernet cable with one end in the
//! host's network and the other in a file descriptor. What is read from it are the packets that the host sends.
//!
//! Before each packet is the header of a virtio network card, which the kernel itself understands: what the guest
//! leaves undone (a checksum, cutting a long packet) it does, or leaves undone itself if the packet stays on
//! this machine.
//!
//! The interface must exist: who makes it decides which network it is in and who may use it, and the VMM
//! needs no privilege then.

use nix::net::if_::if_nametoindex;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, read, write};
use rustix::ioctl::{IntegerSetter, Setter, Updater, ioctl, opcode};
use std::ffi::{c_int, c_short};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The longest name of an interface, and the size of the field that holds it.
const LONGEST_NAME: usize = 15;
/// Ethernet, without a header of tap's own, with that of virtio.
const FLAGS: c_short = 0x0002 | 0x1000 | 0x4000;
/// The header's length (VIRTIO 1.2, 5.1.6).
pub const HEADER: usize = 12;
/// Offload: packets from the host may lack their checksum.
const CHECKSUM: usize = 1;

const SET_INTERFACE: u32 = opcode::write::<c_int>(b'T', 202);
const SET_OFFLOAD: u32 = opcode::write::<std::ffi::c_uint>(b'T', 208);
const SET_HEADER_SIZE: u32 = opcode::write::<c_int>(b'T', 216);

/// `struct ifreq`, as far as it is used.
#[repr(C)]
struct Request {
    name: [u8; LONGEST_NAME + 1],
    flags: c_short,
    rest: [u8; 22],
}

/// Why there is no such cable.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// There is no such interface.
    #[error(
        "there is no tap interface {0:?}; make it: `ip tuntap add {0} mode tap user $USER`, `ip link set {0} up`"
    )]
    Missing(String),
    /// It is another kind of interface, or shared by several queues.
    #[error("the interface {0:?} is no tap interface with one queue")]
    Kind(String),
    /// Another program has it.
    #[error("the tap interface {0:?} is in use by another program")]
    InUse(String),
    /// The kernel refuses.
    #[error("opening the tap interface {name:?}: {step}")]
    Open {
        /// Its name.
        name: String,
        /// What was done.
        step: &'static str,
        /// What the kernel answered.
        source: io::Error,
    },
}

/// One end of the cable.
#[derive(Debug)]
pub struct Tap(OwnedFd);

impl Tap {
    /// Opens the interface `name`.
    pub fn open(name: &str) -> Result<Tap, TapError> {
        // Asked for an interface that does not exist, the kernel would make one and remove it at the end.
        if name.len() > LONGEST_NAME || if_nametoindex(name).is_err() {
            return Err(TapError::Missing(name.into()));
        }
        let failed =
            |step| move |error: Errno| TapError::Open { name: name.into(), step, source: error.into() };
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open("/dev/net/tun", flags, Mode::empty()).map_err(failed("/dev/net/tun"))?;
        let mut request = Request { name: [0; LONGEST_NAME + 1], flags: FLAGS, rest: [0; 22] };
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        // SAFETY: the kernel reads and writes a `struct ifreq` here, which this is: 40 bytes, any of which are fine.
        unsafe { ioctl(&file, Updater::<SET_INTERFACE, Request>::new(&mut request)) }.map_err(|error| {
            match error {
                Errno::BUSY => TapError::InUse(name.into()),
                Errno::INVAL => TapError::Kind(name.into()),
                error => failed("TUNSETIFF")(error),
            }
        })?;
        // SAFETY: the kernel reads an `int` here.
        unsafe { ioctl(&file, Setter::<SET_HEADER_SIZE, c_int>::new(HEADER as c_int)) }
            .map_err(failed("TUNSETVNETHDRSZ"))?;
        Ok(Tap(file))
    }

    /// Says whether packets from the host may come without their checksum. A kernel that refuses sends them with it.
    pub fn without_checksums(&self, may: bool) {
        let value = if may { CHECKSUM } else { 0 };
        // SAFETY: the kernel takes the argument itself as the value, and reads no memory.
        let _ = unsafe { ioctl(&self.0, IntegerSetter::<SET_OFFLOAD>::new_usize(value)) };
    }

    /// Takes the next packet from the host, with its header; `None` when there is none.
    pub fn receive(&self, packet: &mut [u8]) -> Option<usize> {
        read(&self.0, packet).ok()
    }

    /// Sends a packet with its header to the host. A packet that the host does not take is lost, as on any cable.
    pub fn send(&self, packet: &[u8]) {
        let _ = write(&self.0, packet);
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
