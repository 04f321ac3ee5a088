//! Which devices a VM shall have: what the command line's options and the machine file both say.
//!
//! Their order is the guest's: the first drive is `/dev/vda`.

use super::block::Block;
use super::mac::{Mac, NoMac};
use super::net::Net;
use super::rng::Rng;
use super::tap::Tap;
use super::{Backend, DeviceError};
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

/// A disk: `FILE`, or `FILE:ro`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    /// The file that it is.
    pub path: PathBuf,
    /// Whether the guest may not write to it.
    pub read_only: bool,
}

impl FromStr for Drive {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Drive, Infallible> {
        let read_only = text.strip_suffix(":ro");
        Ok(Drive { path: read_only.unwrap_or(text).into(), read_only: read_only.is_some() })
    }
}

/// A network card: `TAP`, or `TAP:MAC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The name of the tap interface at the other end of its cable.
    pub tap: String,
    /// Its address.
    pub mac: Mac,
}

impl FromStr for Interface {
    type Err = NoMac;

    fn from_str(text: &str) -> Result<Interface, NoMac> {
        let (tap, mac) = match text.split_once(':') {
            Some((tap, mac)) => (tap, mac.parse()?),
            None => (text, Mac::of(text)),
        };
        Ok(Interface { tap: tap.into(), mac })
    }
}

/// All virtio devices of a VM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// Its disks.
    pub drives: Vec<Drive>,
    /// Its network cards.
    pub interfaces: Vec<Interface>,
    /// Whether it has an entropy device.
    pub rng: bool,
}

impl Devices {
    /// How many they are.
    pub fn count(&self) -> usize {
        self.drives.len() + self.interfaces.len() + usize::from(self.rng)
    }

    /// Opens all that they need, one after the other.
    pub fn open(&self) -> impl Iterator<Item = Result<Box<dyn Backend>, DeviceError>> {
        let drives = self
            .drives
            .iter()
            .map(|drive| Block::open(&drive.path, drive.read_only).map(boxed).map_err(DeviceError::from));
        let interfaces = self.interfaces.iter().map(|interface| {
            let card = |wire| Net::new(wire, interface.mac);
            Tap::open(&interface.tap).map(card).map(boxed).map_err(DeviceError::from)
        });
        drives.chain(interfaces).chain(self.rng.then(|| Ok(boxed(Rng))))
    }
}

fn boxed<'a>(backend: impl Backend + 'a) -> Box<dyn Backend + 'a> {
    Box::new(backend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_is_written_unless_it_says_otherwise() {
        let drive = |text: &str| text.parse::<Drive>().unwrap();
        assert_eq!(drive("a:b.img"), Drive { path: "a:b.img".into(), read_only: false });
        assert_eq!(drive("a:b.img:ro"), Drive { path: "a:b.img".into(), read_only: true });
    }

    #[test]
    fn an_interface_has_an_address_given_or_not() {
        let mac = Mac([6, 0, 0xac, 0x10, 0, 2]);
        assert_eq!(
            "tap0:06:00:ac:10:00:02".parse::<Interface>().unwrap(),
            Interface { tap: "tap0".into(), mac }
        );
        assert_eq!("tap0".parse::<Interface>().unwrap().mac, Mac::of("tap0"));
        assert!("tap0:06".parse::<Interface>().is_err());
    }
}
