//! Handing a group to the user who will be in it ("Cgroup ownership" in the specification's `config-linux.md`;
//! "Delegation" in the kernel's `cgroup-v2.rst`).
//!
//! In version 2 a container may make groups of its own below its group, if it is given the folder and the files
//! that distribute what the group has, and *not* those that say how much that is. In version 1 this
//! is not secure, so nothing is handed over there; nor is it where the container cannot write its groups.

use super::detect::read_at_once;
use super::group::Group;
use crate::error::{Context, Error};
use oci_spec::runtime::{LinuxIdMapping, LinuxNamespaceType, Mount, Spec};
use rustix::fs::{AtFlags, CWD, Uid, chownat};
use rustix::io::Errno;

/// Where the kernel lists the files.
const LIST: &str = "/sys/kernel/cgroup/delegate";
/// What they are on a kernel that does not say.
const FILES: &str = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";

impl Group {
    /// Makes the container's user the owner of the group, if `spec` gives him a view of it to write.
    pub fn delegate(&self, spec: &Spec) -> Result<(), Error> {
        let Some(unified) = &self.place.v2 else { return Ok(()) };
        let Some(owner) = owner(spec).filter(|&owner| owner != 0) else { return Ok(()) };
        let list = read_at_once(LIST).unwrap_or_else(|_| FILES.into());
        let list = String::from_utf8_lossy(&list);
        let files = list.lines().filter(|name| !name.is_empty()).map(|name| unified.path.join(name));
        for path in std::iter::once(unified.path.clone()).chain(files) {
            match chownat(CWD, &path, Some(Uid::from_raw(owner)), None, AtFlags::SYMLINK_NOFOLLOW) {
                // Not every group has every file.
                Ok(()) | Err(Errno::NOENT) => {}
                error => error.at("handing over the cgroup", &path)?,
            }
        }
        Ok(())
    }
}

/// The host's number of the container's user, if the group should be his.
fn owner(spec: &Spec) -> Option<u32> {
    let linux = spec.linux().as_ref()?;
    let is_new = linux
        .namespaces()
        .iter()
        .flatten()
        .any(|namespace| namespace.typ() == LinuxNamespaceType::Cgroup && namespace.path().is_none());
    let writable = |mount: &Mount| {
        mount.source().as_ref().is_some_and(|source| source.as_os_str() == "cgroup")
            && mount.destination().as_os_str() == "/sys/fs/cgroup"
            && !mount.options().iter().flatten().any(|option| option == "ro")
    };
    if !is_new || !spec.mounts().iter().flatten().any(writable) {
        return None;
    }
    let user = spec.process().as_ref()?.user().uid();
    match linux.uid_mappings().as_deref() {
        None | Some([]) => Some(user),
        Some(maps) => maps.iter().find_map(|map| outside(map, user)),
    }
}

fn outside(map: &LinuxIdMapping, user: u32) -> Option<u32> {
    let offset = user.checked_sub(map.container_id()).filter(|&offset| offset < map.size())?;
    map.host_id().checked_add(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_handed_over_only_with_a_view_to_write() {
        let spec = |options: &[&str], namespaces: serde_json::Value| -> Spec {
            let mount = json!({ "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
                "options": options });
            serde_json::from_value(json!({
                "ociVersion": "1.3.0", "mounts": [mount],
                "process": { "cwd": "/", "args": ["x"], "user": { "uid": 7, "gid": 0 } },
                "linux": { "namespaces": namespaces,
                    "uidMappings": [{ "containerID": 5, "hostID": 1000, "size": 3 }] },
            }))
            .unwrap()
        };
        let new = json!([{ "type": "cgroup" }]);
        assert_eq!(owner(&spec(&["nosuid"], new.clone())), Some(1002));
        assert_eq!(owner(&spec(&["ro"], new)), None);
        assert_eq!(owner(&spec(&[], json!([]))), None);
        assert_eq!(owner(&spec(&[], json!([{ "type": "cgroup", "path": "/proc/1/ns/cgroup" }]))), None);
    }
}
