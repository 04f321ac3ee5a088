//! Who the process is: user, groups, umask (`credentials(7)`; `process.user`).
//!
//! Groups go first: once the user is no longer root, nobody may change them. A process that changes from
//! root to another user loses its capabilities, unless it has said before that it keeps them
//! (`PR_SET_KEEPCAPS`); which of them it *shall* keep is decided after ([`super::capabilities`]).

use crate::error::{Context, Error};
use oci_spec::runtime::User as Asked;
use rustix::fs::{Gid, Mode, Uid, fchown, fstat, major, minor};
use rustix::io::Errno;
use rustix::process::umask;
use rustix::stdio::{stderr, stdin, stdout};
use rustix::thread::{set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// What a process has if nobody says otherwise.
const UMASK: u32 = 0o022;

/// A user to become.
#[derive(Clone, Debug)]
pub struct User {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
    umask: Mode,
    /// In a user namespace the kernel may forbid `setgroups`.
    in_user_namespace: bool,
}

impl User {
    /// Checks what the configuration asks for.
    pub fn new(asked: &Asked, in_user_namespace: bool) -> Result<Self, Error> {
        let groups = asked.additional_gids().as_deref().unwrap_or_default();
        // The system calls take this number for "leave it as it is".
        if asked.uid() == u32::MAX || asked.gid() == u32::MAX || groups.contains(&u32::MAX) {
            return Err(Error::property("process.user", format!("{} is no user and no group", u32::MAX)));
        }
        let mask = asked.umask().unwrap_or(UMASK);
        if mask > 0o777 {
            return Err(Error::property("process.user.umask", format!("{mask:#o} is above 0o777")));
        }
        Ok(Self {
            uid: Uid::from_raw(asked.uid()),
            gid: Gid::from_raw(asked.gid()),
            groups: groups.iter().map(|&group| Gid::from_raw(group)).collect(),
            umask: Mode::from_raw_mode(mask),
            in_user_namespace,
        })
    }

    /// Its number.
    pub(crate) const fn uid(&self) -> Uid {
        self.uid
    }

    /// Gives the process its umask.
    pub(crate) fn mask(&self) {
        umask(self.umask);
    }

    /// Gives it the standard streams, so that it can open them by name (`/dev/stdout`). `/dev/null` is
    /// everybody's, and what the kernel does not let go of can still be used as it is open.
    pub(crate) fn own_streams(&self) {
        if self.uid.is_root() {
            return;
        }
        for stream in [stdin(), stdout(), stderr()] {
            let Ok(about) = fstat(stream) else { continue };
            let null = (major(about.st_rdev), minor(about.st_rdev)) == (1, 3);
            if about.st_uid != self.uid.as_raw() && !null {
                let _ = fchown(stream, Some(self.uid), None);
            }
        }
    }

    /// Becomes the user, and keeps the permitted capabilities.
    pub(crate) fn assume(&self) -> Result<(), Error> {
        match set_thread_groups(&self.groups) {
            Ok(()) => {}
            // What the caller had besides is not mapped, and so gives nothing inside.
            Err(Errno::PERM) if self.in_user_namespace && self.groups.is_empty() => {}
            Err(Errno::PERM) if self.in_user_namespace => {
                return Err(Error::property(
                    "process.user.additionalGids",
                    "setgroups is denied where a user maps nothing but his own group: map more groups \
                     (/etc/subgid and newgidmap), or ask for none",
                ));
            }
            Err(Errno::INVAL) => return Err(self.not_mapped("process.user.additionalGids")),
            result => result.step("setting the additional groups")?,
        }
        if !self.uid.is_root() {
            set_keep_capabilities(true).step("keeping the capabilities")?;
        }
        match set_thread_res_gid(self.gid, self.gid, self.gid) {
            Err(Errno::INVAL) => return Err(self.not_mapped("process.user.gid")),
            result => result.step("becoming the group")?,
        }
        match set_thread_res_uid(self.uid, self.uid, self.uid) {
            Err(Errno::INVAL) => Err(self.not_mapped("process.user.uid")),
            result => result.step("becoming the user"),
        }
    }

    fn not_mapped(&self, property: &str) -> Error {
        let why = format!("{}:{} is not mapped into the user namespace", self.uid, self.gid);
        Error::property(property, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_mean_leave_it_are_refused() {
        let user = |json: &str| User::new(&serde_json::from_str::<Asked>(json).unwrap(), false);
        assert!(user(r#"{"uid":1,"gid":2,"additionalGids":[3],"umask":63}"#).is_ok());
        for bad in [
            r#"{"uid":4294967295,"gid":0}"#,
            r#"{"uid":0,"gid":4294967295}"#,
            r#"{"uid":0,"gid":0,"additionalGids":[4294967295]}"#,
            r#"{"uid":0,"gid":0,"umask":512}"#,
        ] {
            assert!(user(bad).is_err(), "{bad}");
        }
    }
}
