//! Identities in a user namespace: who inside is whom outside (`user_namespaces(7)`, `newuidmap(1)`,
//! `subuid(5)`; the specification's `linux.uidMappings`, `.gidMappings`).
//!
//! Who may write the maps, from most to least: root, from outside, anything. An ordinary user, with the help
//! of the set-user-ID programs `newuidmap` and `newgidmap`, what `/etc/subuid` and `/etc/subgid` give him; and
//! without any help only himself. That one the new process writes itself, so nobody waits for anybody; but
//! `setgroups` must be denied first, or a user could drop a group and so reach files that are closed to it.
//!
//! A namespace without maps has no root, and what it makes belongs to nobody: nothing is made before.
//!
//! [`ranges`]: what there is to map, where no configuration says it.

pub mod ranges;

use crate::error::{Context, Error, IntoErrno};
use oci_spec::runtime::{Linux, LinuxIdMapping};
use rustix::io::Errno;
use rustix::process::{Gid, Pid, Uid, getegid, geteuid};
use rustix::thread::{set_thread_res_gid, set_thread_res_uid};
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

/// The kernel's bound on lines in one map.
const MOST: usize = 340;

/// The two maps of a new user namespace, checked.
#[derive(Clone, Debug)]
pub struct Maps {
    users: Vec<LinuxIdMapping>,
    groups: Vec<LinuxIdMapping>,
    /// The user who is mapped, and to whom the namespace will belong.
    user: u32,
    group: u32,
}

impl Maps {
    /// Checks what the configuration asks for; `new`: it has a new user namespace.
    pub fn new(linux: &Linux, new: bool) -> Result<Option<Self>, Error> {
        let users = linux.uid_mappings().clone().unwrap_or_default();
        let groups = linux.gid_mappings().clone().unwrap_or_default();
        if !new {
            // Engines list the maps of a namespace that they give, too.
            return Ok(None);
        }
        check("linux.uidMappings", &users)?;
        check("linux.gidMappings", &groups)?;
        Ok(Some(Self { users, groups, user: geteuid().as_raw(), group: getegid().as_raw() }))
    }

    /// Whether the new process can write the maps itself: it maps its own user and group, and nobody else.
    pub fn by_itself(&self) -> bool {
        let own = |map: &[LinuxIdMapping], id| matches!(map, [one] if one.host_id() == id && one.size() == 1);
        self.user != 0 && own(&self.users, self.user) && own(&self.groups, self.group)
    }

    /// Writes the maps of the calling process, the first in its user namespace.
    pub fn write_by_itself(&self) -> Result<(), Error> {
        write("/proc/self/setgroups", "deny")?;
        write("/proc/self/uid_map", &text(&self.users))?;
        write("/proc/self/gid_map", &text(&self.groups))
    }

    /// Writes the maps of a new process, which waits for them, from outside.
    pub fn write_for(&self, process: Pid) -> Result<(), Error> {
        let number = process.as_raw_nonzero();
        for (kind, map) in [(Kind::User, &self.users), (Kind::Group, &self.groups)] {
            let file = format!("/proc/{number}/{}", kind.file());
            match fs::write(&file, text(map)).map_err(IntoErrno::into_errno) {
                Ok(()) => {}
                Err(Errno::PERM) if self.user != 0 => kind.help(process, map, self.user)?,
                Err(source) => return Err(Error::Path { step: "writing", path: file.into(), source }),
            }
        }
        Ok(())
    }
}

/// Becomes root of the user namespace, if it has one: until now the process is somebody who is not mapped, and
/// what it would make belonged to nobody.
pub(crate) fn assume_root() -> Result<(), Error> {
    let (user, group) = (Uid::ROOT, Gid::ROOT);
    for result in [set_thread_res_gid(group, group, group), set_thread_res_uid(user, user, user)] {
        match result {
            Ok(()) | Err(Errno::INVAL) => {}
            result => result.step("becoming root of the user namespace")?,
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Kind {
    User,
    Group,
}

impl Kind {
    const fn file(self) -> &'static str {
        match self {
            Kind::User => "uid_map",
            Kind::Group => "gid_map",
        }
    }

    /// The program that helps, the file it looks into, and what it maps.
    const fn helper(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Kind::User => ("newuidmap", "/etc/subuid", "linux.uidMappings"),
            Kind::Group => ("newgidmap", "/etc/subgid", "linux.gidMappings"),
        }
    }

    /// Has the set-user-ID program write the map.
    fn help(self, process: Pid, map: &[LinuxIdMapping], user: u32) -> Result<(), Error> {
        let (program, table, property) = self.helper();
        let mut command = Command::new(program);
        command.arg(process.as_raw_nonzero().to_string()).stdin(Stdio::null());
        for line in map {
            command.args([line.container_id(), line.host_id(), line.size()].map(|number| number.to_string()));
        }
        let output = match command.output() {
            Ok(output) => output,
            Err(error) => {
                let why = format!(
                    "mapping more than oneself takes root, or the program {program} ({error}; Debian: package \
                     uidmap); a single mapping of user {user} needs neither"
                );
                return Err(Error::property(property, why));
            }
        };
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let mut wanted = String::new();
        for line in map.iter().filter(|line| line.host_id() != user) {
            let _ = write!(wanted, " {user}:{}:{}", line.host_id(), line.size());
        }
        let why =
            format!("{program} refused ({}); {table} must allow{wanted}", said.trim().replace('\n', "; "));
        Err(Error::property(property, why))
    }
}

fn check(property: &str, map: &[LinuxIdMapping]) -> Result<(), Error> {
    if map.is_empty() {
        return Err(Error::property(property, "is required by a new user namespace"));
    }
    if map.len() > MOST {
        return Err(Error::property(property, format!("has more than {MOST} lines")));
    }
    let end = |start: u32, size: u32| u64::from(start) + u64::from(size);
    for (index, one) in map.iter().enumerate() {
        if one.size() == 0 {
            return Err(Error::property(property, "a size must not be 0"));
        }
        let most = u64::from(u32::MAX);
        if end(one.host_id(), one.size()) > most || end(one.container_id(), one.size()) > most {
            return Err(Error::property(property, "a range goes beyond the largest number"));
        }
        let overlap = |a: u32, other: u32, size: u32| {
            u64::from(a) < end(other, size) && u64::from(other) < end(a, one.size())
        };
        let clash = map[..index].iter().any(|other| {
            overlap(one.host_id(), other.host_id(), other.size())
                || overlap(one.container_id(), other.container_id(), other.size())
        });
        if clash {
            return Err(Error::property(property, "two ranges overlap"));
        }
    }
    Ok(())
}

/// The kernel's form: inside, outside, how many.
pub(crate) fn text(map: &[LinuxIdMapping]) -> String {
    map.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{} {} {}", line.container_id(), line.host_id(), line.size());
        text
    })
}

fn write(file: &str, text: &str) -> Result<(), Error> {
    fs::write(file, text).at("mapping the user by", file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps(users: &str) -> Result<Option<Maps>, Error> {
        let json =
            format!(r#"{{"uidMappings":[{users}],"gidMappings":[{{"containerID":0,"hostID":0,"size":1}}]}}"#);
        Maps::new(&serde_json::from_str::<Linux>(&json).unwrap(), true)
    }

    #[test]
    fn maps_are_checked_as_the_kernel_will() {
        let line = |inside: u32, outside: u32, size: u32| {
            format!(r#"{{"containerID":{inside},"hostID":{outside},"size":{size}}}"#)
        };
        let good = maps(&[line(0, 1000, 1), line(1, 100_000, 65536)].join(",")).unwrap().unwrap();
        assert_eq!(text(&good.users), "0 1000 1\n1 100000 65536\n");
        for bad in [
            String::new(),
            line(0, 0, 0),
            line(0, u32::MAX, 1),
            line(u32::MAX - 1, 0, 2),
            [line(0, 0, 10), line(5, 100, 10)].join(","),
            [line(0, 0, 10), line(100, 9, 10)].join(","),
        ] {
            assert!(maps(&bad).is_err(), "{bad}");
        }
    }
}
