//! An Ethernet address (IEEE 802: six bytes, the lowest bit of the first one set for a group of stations).

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

/// The address of one network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

/// First byte: this address was given locally, not by a maker of cards.
const LOCAL: u8 = 0x02;
/// First byte: the address of a group.
const GROUP: u8 = 0x01;

impl Mac {
    /// An address for the card at the interface `name`: the same at each start, and another for another name.
    pub fn of(name: &str) -> Mac {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let hash = hasher.finish().to_le_bytes();
        let mut bytes = [LOCAL; 6];
        bytes[1..].copy_from_slice(&hash[..5]);
        Mac(bytes)
    }
}

/// A text that is no address of one card.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no Ethernet address of one card, such as 02:00:00:00:00:01")]
pub struct NoMac(String);

impl FromStr for Mac {
    type Err = NoMac;

    fn from_str(text: &str) -> Result<Mac, NoMac> {
        let pair = |pair: &str| {
            let digits = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            if digits { u8::from_str_radix(pair, 16).ok() } else { None }
        };
        text.split(':')
            .map(pair)
            .collect::<Option<Vec<_>>>()
            .and_then(|bytes| <[u8; 6]>::try_from(bytes).ok())
            .filter(|bytes| bytes[0] & GROUP == 0 && *bytes != [0; 6])
            .map(Mac)
            .ok_or_else(|| NoMac(text.into()))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        f.write_str(&pairs.join(":"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_of_one_card_is_taken() {
        let mac: Mac = "06:00:AC:10:00:02".parse().unwrap();
        assert_eq!(mac.to_string(), "06:00:ac:10:00:02");
        for bad in [
            "",
            "06:00:ac:10:00",
            "06:00:ac:10:00:02:03",
            "06-00-ac-10-00-02",
            "6:0:ac:10:0:2",
            "+6:00:ac:10:00:02",
        ] {
            assert!(bad.parse::<Mac>().is_err(), "{bad}");
        }
        for nobody in ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"] {
            assert!(nobody.parse::<Mac>().is_err(), "{nobody}");
        }
    }

    #[test]
    fn each_interface_has_an_address_of_its_own() {
        assert_eq!(Mac::of("tap0"), Mac::of("tap0"));
        assert_ne!(Mac::of("tap0"), Mac::of("tap1"));
        assert_eq!(Mac::of("tap0").0[0], LOCAL);
    }
}
