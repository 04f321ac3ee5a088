//! The loopback device: a new network namespace has one, and it is down (`netdevice(7)`).

use crate::error::{Context, Error};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

/// Brings `lo` up in the network namespace of the calling process.
///
/// The kernel itself then gives it 127.0.0.1 and `::1`. Any socket will do to ask; a Unix one needs
/// no network protocol in the kernel.
pub fn up() -> Result<(), Error> {
    let socket = UnixDatagram::unbound().step("opening a socket for the loopback device")?;
    let mut name = [0; libc::IFNAMSIZ];
    name[..2].copy_from_slice(&[b'l' as libc::c_char, b'o' as libc::c_char]);
    let flags = libc::__c_anonymous_ifr_ifru { ifru_flags: libc::IFF_UP as libc::c_short };
    let request = libc::ifreq { ifr_name: name, ifr_ifru: flags };
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which `request` is.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()).step("bringing the loopback device up"),
    }
}
