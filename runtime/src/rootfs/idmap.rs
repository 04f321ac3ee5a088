//! Mapped owners: a bind mount whose files seem to belong to others (`mount_setattr(2)`, ID-mapped mounts).
//!
//! The kernel takes the mapping from a user namespace, and a user namespace exists while somebody is in it
//! or holds a descriptor of it. So a child is made that does nothing but be in one; its maps are
//! written, its namespace is opened, and the child is ended. The mapping goes from the owner on the file
//! system (`containerID`) to the owner that the host sees through the mount (`hostID`).

use super::mount::Wanted;
use crate::clone;
use crate::error::{Context, Error};
use crate::namespaces::Namespaces;
use oci_spec::runtime::{Linux, LinuxIdMapping, LinuxNamespaceType};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

/// The user namespace that maps a mount: from its own mappings, or the container's.
pub(crate) fn users(wanted: &Wanted<'_>, linux: &Linux) -> Result<OwnedFd, Error> {
    let maps = |uids: &Option<Vec<LinuxIdMapping>>, gids: &Option<Vec<LinuxIdMapping>>| {
        let there =
            |maps: &Option<Vec<_>>| maps.clone().filter(|maps: &Vec<LinuxIdMapping>| !maps.is_empty());
        there(uids).zip(there(gids))
    };
    let given = |maps: &Option<Vec<LinuxIdMapping>>| maps.as_ref().is_some_and(|maps| !maps.is_empty());
    if given(wanted.mount.uid_mappings()) != given(wanted.mount.gid_mappings()) {
        return Err(wanted.broken("uidMappings and gidMappings belong together: give both"));
    }
    if let Some((uids, gids)) = maps(wanted.mount.uid_mappings(), wanted.mount.gid_mappings()) {
        return made(&uids, &gids);
    }
    let namespaces = linux.namespaces().as_deref().unwrap_or_default();
    let users = namespaces.iter().find(|each| each.typ() == LinuxNamespaceType::User);
    if let Some(path) = users.and_then(|each| each.path().as_ref()) {
        return File::open(path).map(Into::into).at("opening the user namespace", path);
    }
    let (uids, gids) = users
        .and_then(|_| maps(linux.uid_mappings(), linux.gid_mappings()))
        .ok_or_else(|| wanted.broken("idmap without uidMappings and gidMappings needs a user namespace"))?;
    made(&uids, &gids)
}

/// A user namespace with these maps and nobody in it.
fn made(uids: &[LinuxIdMapping], gids: &[LinuxIdMapping]) -> Result<OwnedFd, Error> {
    let child = clone::clone(Namespaces::USER, None, || {
        loop {
            thread::park();
        }
    })
    .step("making a user namespace for a mount with mapped owners")?;
    let opened = open(child.pid, uids, gids);
    let ended = pidfd_send_signal(&child.pidfd, Signal::KILL)
        .and_then(|()| waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED));
    let users = opened?;
    ended.step("ending the process that held a user namespace")?;
    Ok(users)
}

fn open(child: Pid, uids: &[LinuxIdMapping], gids: &[LinuxIdMapping]) -> Result<OwnedFd, Error> {
    let folder = format!("/proc/{}", child.as_raw_pid());
    for (file, maps) in [("uid_map", uids), ("gid_map", gids)] {
        fs::write(format!("{folder}/{file}"), crate::idmap::text(maps))
            .at("mapping the owners of a mount by", file)?;
    }
    let namespace = format!("{folder}/ns/user");
    File::open(&namespace).map(Into::into).at("opening", namespace)
}
