//! `/isolab/start`: what PID 1 shall do.
//!
//! Records `key=value`, each ended by a zero byte, so that each value is a C string in its place: nothing needs
//! to be copied before it goes to a system call. The packer writes the file; what it may say is defined here,
//! once for both.

use core::ffi::CStr;

/// Where the packer puts the file.
pub const PLACE: &CStr = c"/isolab/start";
/// Where the packer puts a root folder, and where PID 1 makes any other kind of root.
pub const ROOT: &CStr = c"/root";

/// The keys of records.
pub mod key {
    /// `1`: the command's standard output goes to the VMM's mark port, byte for byte.
    pub const MARKS: &str = "marks";
    /// `1`: when the command says that it is ready, the VMM is told what programs and files have of the memory.
    pub const USAGE: &str = "usage";
    /// `1`: somebody sits at a terminal; the console edits lines and echoes.
    pub const TERMINAL: &str = "terminal";
    /// A module's file; in the order in which they are loaded.
    pub const MODULE: &str = "module";
    /// The root's block device; without this record the root is a folder of the initial RAM file system.
    pub const DEVICE: &str = "device";
    /// The type of the file system on it.
    pub const FILE_SYSTEM: &str = "filesystem";
    /// `1`: the device is written to; else it is read only, with an overlay in memory on top.
    pub const WRITABLE: &str = "writable";
    /// The host's name.
    pub const HOSTNAME: &str = "hostname";
    /// `UID:GID` of the command.
    pub const USER: &str = "user";
    /// The folder in which the command starts.
    pub const WORKDIR: &str = "workdir";
    /// `NAME=VALUE`: a variable of the command's environment.
    pub const VARIABLE: &str = "env";
    /// A path at which the command may be; the first that can be executed is.
    pub const CANDIDATE: &str = "try";
    /// A word of the command, its name first.
    pub const ARGUMENT: &str = "arg";
}

/// What PID 1 shall do.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Whether the command's standard output goes to the mark port.
    pub marks: bool,
    /// Whether the VMM is told what programs and files have of the memory, when the command is ready.
    pub usage: bool,
    /// Whether somebody sits at a terminal.
    pub terminal: bool,
    /// The root.
    pub root: Root<'a>,
    /// The host's name.
    pub hostname: &'a CStr,
    /// User and group of the command.
    pub user: (u32, u32),
    /// The folder in which the command starts.
    pub workdir: &'a CStr,
    records: &'a [u8],
}

/// Where the root is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root<'a> {
    /// The folder [`ROOT`].
    Folder,
    /// A block device.
    Disk {
        /// Its node.
        device: &'a CStr,
        /// The type of the file system on it.
        file_system: &'a CStr,
        /// Whether it is written to, instead of an overlay.
        writable: bool,
    },
}

/// Why a file says nothing that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// Its last record has no zero byte.
    NotEnded,
    /// A record with an unknown key, or a value that the key cannot have.
    Record(&'a CStr),
    /// A key that must be there and is not.
    Missing(&'static str),
}

impl<'a> Start<'a> {
    /// Reads the file's content.
    pub fn parse(records: &'a [u8]) -> Result<Start<'a>, Refusal<'a>> {
        if records.last().is_some_and(|&byte| byte != 0) {
            return Err(Refusal::NotEnded);
        }
        let mut start = Start {
            marks: false,
            usage: false,
            terminal: false,
            root: Root::Folder,
            hostname: c"isolab",
            user: (0, 0),
            workdir: c"/",
            records,
        };
        let (mut device, mut file_system, mut writable) = (None, None, false);
        for record in split(records) {
            let refused = Refusal::Record(record);
            let (key, value) = halves(record).ok_or(refused)?;
            match key {
                key::MARKS => start.marks = truth(value).ok_or(refused)?,
                key::USAGE => start.usage = truth(value).ok_or(refused)?,
                key::TERMINAL => start.terminal = truth(value).ok_or(refused)?,
                key::DEVICE => device = Some(value),
                key::FILE_SYSTEM => file_system = Some(value),
                key::WRITABLE => writable = truth(value).ok_or(refused)?,
                key::HOSTNAME => start.hostname = value,
                key::USER => start.user = user(value).ok_or(refused)?,
                key::WORKDIR => start.workdir = value,
                key::MODULE | key::VARIABLE | key::CANDIDATE | key::ARGUMENT => {}
                _ => return Err(refused),
            }
        }
        if let Some(device) = device {
            let file_system = file_system.ok_or(Refusal::Missing(key::FILE_SYSTEM))?;
            start.root = Root::Disk { device, file_system, writable };
        }
        start.all(key::ARGUMENT).next().ok_or(Refusal::Missing(key::ARGUMENT))?;
        Ok(start)
    }

    /// All values of `key`, in order.
    pub fn all(&self, key: &'static str) -> impl Iterator<Item = &'a CStr> + Clone + use<'a> {
        split(self.records).filter_map(halves).filter(move |half| half.0 == key).map(|half| half.1)
    }
}

/// The records. What comes behind the last zero byte is none.
fn split(records: &[u8]) -> impl Iterator<Item = &CStr> + Clone {
    records.split_inclusive(|&byte| byte == 0).filter_map(|record| CStr::from_bytes_with_nul(record).ok())
}

/// A record's key and value.
fn halves(record: &CStr) -> Option<(&str, &CStr)> {
    let bytes = record.to_bytes_with_nul();
    let equals = bytes.iter().position(|&byte| byte == b'=')?;
    let key = core::str::from_utf8(&bytes[..equals]).ok()?;
    Some((key, CStr::from_bytes_with_nul(&bytes[equals + 1..]).ok()?))
}

fn truth(value: &CStr) -> Option<bool> {
    match value.to_bytes() {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}

fn user(value: &CStr) -> Option<(u32, u32)> {
    let (user, group) = value.to_str().ok()?.split_once(':')?;
    Some((user.parse().ok()?, group.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_has_a_default() {
        let start = Start::parse(b"arg=sh\0").unwrap();
        assert_eq!(
            (start.marks, start.terminal, start.root, start.user),
            (false, false, Root::Folder, (0, 0))
        );
        assert_eq!((start.hostname, start.workdir), (c"isolab", c"/"));
        assert!(start.all(key::VARIABLE).next().is_none());
    }

    #[test]
    fn values_keep_their_order_and_may_hold_any_byte_but_zero() {
        let start = Start::parse(b"arg=a=\xff\0env=X==\nY\0marks=1\0arg=\0user=1000:7\0").unwrap();
        assert!(start.all(key::ARGUMENT).eq([c"a=\xff", c""]));
        assert!(start.all(key::VARIABLE).eq([c"X==\nY"]));
        assert_eq!((start.marks, start.user), (true, (1000, 7)));
    }

    #[test]
    fn a_disk_needs_its_file_system() {
        let start = Start::parse(b"arg=x\0device=/dev/vda\0filesystem=erofs\0").unwrap();
        let disk = Root::Disk { device: c"/dev/vda", file_system: c"erofs", writable: false };
        assert_eq!(start.root, disk);
        let refusal = Start::parse(b"arg=x\0device=/dev/vda\0").unwrap_err();
        assert_eq!(refusal, Refusal::Missing(key::FILE_SYSTEM));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_record() {
        assert_eq!(Start::parse(b"").unwrap_err(), Refusal::Missing(key::ARGUMENT));
        assert_eq!(Start::parse(b"arg=x").unwrap_err(), Refusal::NotEnded);
        for record in [c"dance=1", c"marks=yes", c"user=root", c"user=1:-1", c"no equals sign"] {
            let bytes = record.to_bytes_with_nul();
            assert_eq!(Start::parse(bytes).unwrap_err(), Refusal::Record(record));
        }
    }
}
