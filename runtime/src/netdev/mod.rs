//! Network devices of the host that become the container's (`rtnetlink(7)`, `network_namespaces(7)`; the
//! specification's `linux.netDevices`).
//!
//! A device is in one network namespace at a time. To move it takes power over both: the one where it is, through a
//! socket that was opened there, and the one where it goes. The kernel moves and renames in one step, but takes the
//! addresses away; those that are meant to last are noted before and given back after, inside.

mod message;

use crate::error::{Context, Error};
use message::{CREATE, DUMP, Message, Route, attributes};
use oci_spec::runtime::Linux;
use rustix::io::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};

const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const SET_LINK: u16 = 19;
const NEW_ADDRESS: u16 = 20;
const GET_ADDRESS: u16 = 22;
/// `struct ifinfomsg`, `struct ifaddrmsg`.
const LINK: usize = 16;
const ADDRESS: usize = 8;
const IFLA_IFNAME: u16 = 3;
const IFLA_NET_NS_FD: u16 = 28;
/// The address itself, the peer's or own one, the broadcast address, the flags: in `ifaddrmsg`'s numbers.
const KEPT: [u16; 4] = [1, 2, 4, 8];
const PERMANENT: u8 = 0x80;
const UP: u32 = 1;

/// One device.
#[derive(Clone, Debug)]
struct Device {
    name: String,
    new_name: String,
    index: u32,
    /// `RTM_NEWADDR` bodies.
    addresses: Vec<Vec<u8>>,
}

/// The devices of a container.
#[derive(Debug)]
pub struct Devices {
    route: Route,
    devices: Vec<Device>,
}

impl Devices {
    /// Looks the devices up in the runtime's network namespace; `separate`: the container has another.
    pub fn find(linux: &Linux, separate: bool) -> Result<Option<Self>, Error> {
        let asked = linux.net_devices().iter().flatten();
        let mut names: Vec<(String, String)> = Vec::new();
        for (name, device) in asked {
            let new_name =
                device.name().clone().filter(|name| !name.is_empty()).unwrap_or_else(|| name.clone());
            for name in [name, &new_name] {
                if !is_name(name) {
                    return Err(wrong(name, "is no name of a device"));
                }
            }
            if names.iter().any(|(_, other)| *other == new_name) {
                return Err(wrong(&new_name, "would be the name of two devices"));
            }
            names.push((name.clone(), new_name));
        }
        if names.is_empty() {
            return Ok(None);
        }
        if !separate {
            return Err(Error::property(
                "linux.netDevices",
                "needs a network namespace of the container's own",
            ));
        }
        let route = Route::open().step("opening a socket for network devices")?;
        let devices = names.into_iter().map(|(name, new_name)| {
            let index = index_of(&route, &name).map_err(|error| refused(&name, error))?;
            let addresses = addresses_of(&route, index).map_err(|error| refused(&name, error))?;
            Ok(Device { name, new_name, index, addresses })
        });
        Ok(Some(Self { devices: devices.collect::<Result<_, Error>>()?, route }))
    }

    /// Moves them into the network namespace `target`.
    pub(crate) fn move_into(&self, target: BorrowedFd<'_>) -> Result<(), Error> {
        for device in &self.devices {
            let request = Message::new(SET_LINK, 0, &link(device.index, 0))
                .attribute(IFLA_NET_NS_FD, &target.as_raw_fd().to_ne_bytes())
                .attribute(IFLA_IFNAME, &c_string(&device.new_name));
            self.route.ask(request).map_err(|error| refused(&device.name, error))?;
        }
        Ok(())
    }

    /// Gives them their addresses back and switches them on; the calling process is where they are now.
    pub(crate) fn set_up(&self) -> Result<(), Error> {
        let route = Route::open().step("opening a socket for network devices")?;
        for device in &self.devices {
            let failed = |error| refused(&device.new_name, error);
            // It may have got another.
            let index = index_of(&route, &device.new_name).map_err(failed)?;
            for address in &device.addresses {
                give(&route, index, address).map_err(failed)?;
            }
            route.ask(Message::new(NEW_LINK, 0, &link(index, UP))).map_err(failed)?;
        }
        Ok(())
    }
}

/// `struct ifinfomsg`: the device by its index, and whether it is to be on.
fn link(index: u32, up: u32) -> [u8; LINK] {
    let mut bytes = [0; LINK];
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    bytes[8..12].copy_from_slice(&up.to_ne_bytes());
    bytes[12..].copy_from_slice(&UP.to_ne_bytes());
    bytes
}

fn index_of(route: &Route, name: &str) -> Result<u32, Errno> {
    let request = Message::new(GET_LINK, 0, &[0; LINK]).attribute(IFLA_IFNAME, &c_string(name));
    let answers = route.ask(request)?;
    let bytes = answers.first().and_then(|answer| answer.get(4..8)?.try_into().ok());
    bytes.map(u32::from_ne_bytes).ok_or(Errno::BADMSG)
}

/// The addresses that are valid everywhere and were given by somebody, not learnt.
fn addresses_of(route: &Route, index: u32) -> Result<Vec<Vec<u8>>, Errno> {
    let mut answers = route.ask(Message::new(GET_ADDRESS, DUMP, &[0; ADDRESS]))?;
    answers.retain(|answer| {
        answer.len() >= ADDRESS
            && answer[2] & PERMANENT != 0
            && answer[3] == 0
            && answer[4..8] == index.to_ne_bytes()
    });
    Ok(answers)
}

fn give(route: &Route, index: u32, address: &[u8]) -> Result<(), Errno> {
    let mut fixed = [0; ADDRESS];
    fixed[..4].copy_from_slice(&address[..4]);
    fixed[4..].copy_from_slice(&index.to_ne_bytes());
    let kept = attributes(address, ADDRESS).filter(|(kind, _)| KEPT.contains(kind));
    let request = kept.fold(Message::new(NEW_ADDRESS, CREATE, &fixed), |request, (kind, value)| {
        request.attribute(kind, value)
    });
    route.ask(request).map(drop)
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte > b' ' && byte != b'/' && byte != b':' && byte != 0x7f;
    (1..libc::IFNAMSIZ).contains(&name.len()) && name.bytes().all(plain) && !matches!(name, "." | "..")
}

fn c_string(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

fn wrong(name: &str, why: &str) -> Error {
    Error::property("linux.netDevices", format!("{name:?} {why}"))
}

fn refused(name: &str, error: Errno) -> Error {
    match error {
        Errno::NODEV => wrong(name, "does not exist in the runtime's network namespace"),
        Errno::PERM => wrong(name, "cannot be moved: it takes CAP_NET_ADMIN where it is and where it goes"),
        Errno::EXIST => wrong(name, "cannot be moved: its name is taken in the container"),
        Errno::INVAL => wrong(name, "cannot be moved: it belongs to its network namespace for ever"),
        error => wrong(name, &format!("cannot be set up: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(json: &str, separate: bool) -> Result<Option<Devices>, Error> {
        Devices::find(&serde_json::from_str::<Linux>(json).unwrap(), separate)
    }

    #[test]
    fn names_are_checked_and_looked_up() {
        assert!(find("{}", false).unwrap().is_none());
        assert!(find(r#"{"netDevices":{"lo":{}}}"#, false).is_err());
        assert_eq!(find(r#"{"netDevices":{"lo":{"name":"x"}}}"#, true).unwrap().unwrap().devices[0].index, 1);
        let refused = |json: &str, part: &str| {
            let line = find(json, true).unwrap_err().line();
            assert!(line.contains(part), "{line}");
        };
        refused(r#"{"netDevices":{"isolab-none":{}}}"#, "does not exist");
        refused(r#"{"netDevices":{"a/b":{}}}"#, "is no name");
        refused(r#"{"netDevices":{"lo":{"name":"sixteen-letters-"}}}"#, "is no name");
        refused(r#"{"netDevices":{"lo":{"name":"x"},"eth0":{"name":"x"}}}"#, "two devices");
    }
}
