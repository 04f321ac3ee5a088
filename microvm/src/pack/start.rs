//! What is to be started, as the records that the guest's init reads ([`isolab_init::start`]).

use super::error::PackError;
use isolab_init::start::key;
use isolab_timeline::command::{candidates, environment};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What is to be started in the guest.
#[derive(Clone, Debug)]
pub struct Start {
    /// Whether the command's standard output goes to the mark port, byte for byte, instead of to the console.
    pub marks: bool,
    /// Whether the VMM is told what programs and files have of the guest's memory, when the command says that it is ready.
    pub usage: bool,
    /// Whether somebody sits at a terminal: then the console edits lines and echoes.
    pub terminal: bool,
    /// The disk with the root; `None`: a folder of the archive.
    pub disk: Option<Disk>,
    /// The host's name.
    pub hostname: OsString,
    /// User and group of the command.
    pub user: (u32, u32),
    /// The folder in which the command starts.
    pub workdir: PathBuf,
    /// `NAME=VALUE` entries on top of `PATH`, `HOME` and `TERM`.
    pub environment: Vec<OsString>,
    /// The command and its arguments; a name without a slash is searched along the guest's `PATH`.
    pub command: Vec<OsString>,
}

/// A disk with the root on it.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Its device in the guest.
    pub device: String,
    /// The type of its file system.
    pub file_system: String,
    /// Whether it is written to; else it is read only, with an overlay in memory on top.
    pub writable: bool,
}

impl Default for Start {
    fn default() -> Start {
        Start {
            marks: false,
            usage: false,
            terminal: false,
            disk: None,
            hostname: "isolab".into(),
            user: (0, 0),
            workdir: "/".into(),
            environment: Vec::new(),
            command: Vec::new(),
        }
    }
}

impl Start {
    /// The records, for a guest whose init shall load the modules in these files first.
    pub fn records(&self, modules: &[String]) -> Result<Vec<u8>, PackError> {
        let mut records = Records(Vec::new());
        let truth = |truth: bool| OsStr::new(if truth { "1" } else { "0" });
        records.add(key::MARKS, truth(self.marks))?;
        records.add(key::USAGE, truth(self.usage))?;
        records.add(key::TERMINAL, truth(self.terminal))?;
        modules.iter().try_for_each(|path| records.add(key::MODULE, path.as_ref()))?;
        if let Some(Disk { device, file_system, writable }) = &self.disk {
            records.add(key::DEVICE, device.as_ref())?;
            records.add(key::FILE_SYSTEM, file_system.as_ref())?;
            records.add(key::WRITABLE, truth(*writable))?;
        }
        records.add(key::HOSTNAME, &self.hostname)?;
        let (user, group) = self.user;
        records.add(key::USER, format!("{user}:{group}").as_ref())?;
        records.add(key::WORKDIR, self.workdir.as_os_str())?;
        let variables = environment(&self.environment);
        variables.iter().try_for_each(|variable| records.add(key::VARIABLE, variable))?;
        let name = self.command.first().map_or(OsStr::new(""), |name| name);
        let paths = candidates(name, &variables);
        paths.iter().try_for_each(|path| records.add(key::CANDIDATE, path))?;
        self.command.iter().try_for_each(|word| records.add(key::ARGUMENT, word))?;
        Ok(records.0)
    }
}

struct Records(Vec<u8>);

impl Records {
    fn add(&mut self, key: &str, value: &OsStr) -> Result<(), PackError> {
        if value.as_bytes().contains(&0) {
            return Err(PackError::ZeroByte);
        }
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(b'=');
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isolab_init::start as init;

    #[test]
    fn the_guests_init_reads_what_was_asked_for() {
        let start = Start {
            marks: true,
            usage: true,
            disk: Some(Disk { device: "/dev/vda".into(), file_system: "erofs".into(), writable: false }),
            user: (1000, 7),
            environment: vec!["A=1".into(), "PATH=/x:/y".into()],
            command: vec!["sh".into(), "-c".into(), "".into()],
            ..Start::default()
        };
        let records = start.records(&["/isolab/modules/00-a.ko".into()]).unwrap();
        let read = init::Start::parse(&records).unwrap();
        assert!(read.marks && read.usage && !read.terminal);
        let root = init::Root::Disk { device: c"/dev/vda", file_system: c"erofs", writable: false };
        assert_eq!((read.root, read.user, read.hostname, read.workdir), (root, (1000, 7), c"isolab", c"/"));
        assert!(read.all(key::MODULE).eq([c"/isolab/modules/00-a.ko"]));
        assert!(read.all(key::CANDIDATE).eq([c"/x/sh", c"/y/sh"]));
        assert!(read.all(key::ARGUMENT).eq([c"sh", c"-c", c""]));
        assert!(read.all(key::VARIABLE).any(|variable| variable == c"A=1"));
    }

    #[test]
    fn a_zero_byte_is_refused() {
        let start = Start { command: vec!["a\0b".into()], ..Start::default() };
        assert!(matches!(start.records(&[]), Err(PackError::ZeroByte)));
    }
}
