//! What the runtime outside opens for the container's first process: sources of bind mounts that only the
//! host's own identity, or only the host's own mount namespace, can open (`open_tree(2)`).
//!
//! Usually there are none, and the first process opens everything itself. There are some when
//! - the container has a user namespace, whose root may not look into the folders on the way;
//! - owners are to be mapped, which only the owner of the file system may do;
//! - mounts are to travel between the host and the container (`rootfsPropagation: shared`): only a copy made
//!   in the host's own namespace is a peer of the host's mount;
//! - the container's mount namespace was given by a path, and has other folders;
//! - it has none of its own: what it mounts among the host's mounts is written down first.

use super::mount::Wanted;
use super::options::Reach;
use super::propagation::Propagation;
use super::{attributes, bind, copy_folder, idmap, mount_number, root_path};
use crate::error::{Context, Error};
use oci_spec::runtime::{Linux, LinuxNamespaceType, Spec};
use rustix::io::Errno;
use rustix::mount::MountPropagationFlags;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Open sources.
#[derive(Debug, Default)]
pub struct Sources {
    /// A copy of the root folder's mount.
    pub(crate) root: Option<OwnedFd>,
    /// Its number, if it will be mounted among the host's mounts, and so must be taken away again.
    pub(crate) mounted_on_the_host: Option<u64>,
    /// One for each of the configuration's mounts, or none at all.
    pub(crate) mounts: Vec<Option<OwnedFd>>,
}

impl Sources {
    /// Opens what must be opened here.
    pub fn open(spec: &Spec, bundle: &Path) -> Result<Self, Error> {
        let Some(linux) = spec.linux() else { return Ok(Self::default()) };
        let propagation = Propagation::of(linux)?;
        let namespaces = linux.namespaces().as_deref().unwrap_or_default();
        let early = propagation.is_shared()
            || namespaces.iter().any(|each| match each.typ() {
                LinuxNamespaceType::User => true,
                LinuxNamespaceType::Mount => each.path().is_some(),
                _ => false,
            });
        // A container with users of its own must not send mounts to the host.
        let apart =
            !propagation.is_shared() || namespaces.iter().any(|each| each.typ() == LinuxNamespaceType::User);
        let mut sources = Self::default();
        let own_mounts = namespaces.iter().any(|each| each.typ() == LinuxNamespaceType::Mount);
        if early || !own_mounts {
            let path = root_path(spec, bundle)?;
            sources.root = unless_refused(copy_folder(&path)).at("opening the root folder", &path)?;
            if let Some(root) = sources.root.as_ref().filter(|_| !own_mounts) {
                let number = mount_number(root.as_fd()).at("looking at the root folder", &path)?;
                sources.mounted_on_the_host = Some(number);
            }
        }
        for (index, mount) in spec.mounts().iter().flatten().enumerate() {
            let wanted = Wanted::read(mount);
            let mapped = wanted.options.idmap.is_some()
                || mount.uid_mappings().as_ref().is_some_and(|maps| !maps.is_empty());
            if wanted.options.bind.is_none() || wanted.options.remount || !(early || mapped) {
                continue;
            }
            let tree = match bind::open(&wanted, bundle) {
                Err(Error::Mount { source: Errno::PERM, .. }) if !mapped => continue,
                result => result?,
            };
            if apart {
                let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
                attributes::propagate(tree.as_fd(), slave)
                    .map_err(|error| wanted.failed("separating it from the host", error))?;
            }
            if mapped {
                map(&wanted, linux, &tree)?;
            }
            sources.mounts.resize_with(index, || None);
            sources.mounts.push(Some(tree));
        }
        Ok(sources)
    }

    /// The source of a mount, if it is open.
    pub(crate) fn of(&self, index: usize) -> Option<BorrowedFd<'_>> {
        self.mounts.get(index)?.as_ref().map(AsFd::as_fd)
    }
}

fn map(wanted: &Wanted<'_>, linux: &Linux, tree: &OwnedFd) -> Result<(), Error> {
    let users = idmap::users(wanted, linux)?;
    let reach = wanted.options.idmap.unwrap_or(Reach::One);
    attributes::map_owners(tree.as_fd(), users.as_fd(), reach).map_err(|error| {
        wanted
            .failed("mapping the owners (the file system must be able to: Linux 5.12 and later, root)", error)
    })
}

/// An ordinary user may not copy mounts out here, and need not: in a user namespace of its own it may.
fn unless_refused(copy: Result<OwnedFd, Errno>) -> Result<Option<OwnedFd>, Errno> {
    match copy {
        Err(Errno::PERM) => Ok(None),
        result => result.map(Some),
    }
}
