//! The loopback device: every machine has one, and it is down (`netdevice(7)`).

use crate::failure::{Context, Failure};
use rustix::io::Errno;
use rustix::ioctl::{Setter, ioctl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// "Set the flags of a network device."
const SIOCSIFFLAGS: rustix::ioctl::Opcode = 0x8914;
const IFF_UP: u16 = 1;

/// `struct ifreq`: a device's name, and here its flags.
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

/// Brings `lo` up. The kernel itself then gives it 127.0.0.1 and `::1`.
pub(crate) fn up() -> Result<(), Failure<'static>> {
    // Any socket will do to ask; a local one needs no network protocol in the kernel.
    let socket = match socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None) {
        // A kernel without sockets has no device either.
        Err(Errno::AFNOSUPPORT | Errno::NOSYS) => return Ok(()),
        socket => socket.at("opening a socket for the device", c"lo")?,
    };
    let mut name = [0; 16];
    name[..2].copy_from_slice(b"lo");
    // SAFETY: the call reads one `ifreq`, whose size `Request` has, and only its name and flags.
    match unsafe {
        ioctl(socket, Setter::<SIOCSIFFLAGS, Request>::new(Request { name, flags: IFF_UP, rest: [0; 22] }))
    } {
        Ok(()) | Err(Errno::NODEV) => Ok(()),
        refused => refused.at("bringing up the device", c"lo"),
    }
}
