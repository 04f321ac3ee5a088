//! Identities in a user namespace: how an ordinary user becomes root inside (`user_namespaces(7)`).
//!
//! The kernel lets anyone map *their own* user and group to 0. The process in the new namespace writes
//! the maps itself, so nobody has to wait for anybody. `setgroups` must be denied first: otherwise a
//! user could drop a group and so reach files that are closed to that group.

use crate::error::{Context, Error};
use std::fs;

/// Maps `user` and `group` (as seen outside) to 0 for the calling process, which must be the first in
/// its user namespace.
pub fn become_root(user: u32, group: u32) -> Result<(), Error> {
    let files = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {user} 1")),
        ("/proc/self/gid_map", format!("0 {group} 1")),
    ];
    for (file, text) in files {
        fs::write(file, text).at("mapping the user by", file)?;
    }
    Ok(())
}
