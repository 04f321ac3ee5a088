//! The root: made at one place of the initial RAM file system, then moved to `/` (`mount(2)`, `chroot(2)`).
//!
//! The initial RAM file system itself can be neither unmounted nor exchanged: `pivot_root(2)` refuses it. So the
//! new root is mounted on top of it (`MS_MOVE` to `/`) and this process follows (`chroot`). All later processes
//! begin there, and for them `pivot_root` works: their root is a mount like any other.

use crate::failure::{Context, Failure};
use core::ffi::CStr;
use isolab_init::start::{ROOT, Root};
use rustix::fs::{Access, Mode, access, mkdir};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_bind, mount_move};
use rustix::process::{chdir, chroot};
use rustix::thread::{Timespec, nanosleep};

const LOWER: &CStr = c"/isolab/lower";
const LAYER: &CStr = c"/isolab/layer";

/// How often, and how long each time in nanoseconds, a disk is waited for: a second in all.
const PATIENCE: (u32, i64) = (500, 2_000_000);

/// Mounts the root at [`ROOT`].
pub(crate) fn make<'a>(root: &Root<'a>) -> Result<(), Failure<'a>> {
    let Root::Disk { device, file_system, writable } = *root else {
        // Only a mount can be moved; bound on itself, the folder is one.
        return mount_bind(ROOT, ROOT).at("binding on itself", ROOT);
    };
    folder(c"/dev")?;
    mount(c"devtmpfs", c"/dev", c"devtmpfs", MountFlags::NOSUID, None).at("mounting devtmpfs on", c"/dev")?;
    folder(ROOT)?;
    if writable {
        return disk(device, ROOT, file_system, MountFlags::empty());
    }
    for place in [LOWER, LAYER] {
        folder(place)?;
    }
    disk(device, LOWER, file_system, MountFlags::RDONLY)?;
    // Both halves of an overlay's layer must lie in one file system.
    mount(c"tmpfs", LAYER, c"tmpfs", MountFlags::empty(), Some(c"mode=755"))
        .at("mounting tmpfs on", LAYER)?;
    for place in [c"/isolab/layer/upper", c"/isolab/layer/work"] {
        folder(place)?;
    }
    let layers = c"lowerdir=/isolab/lower,upperdir=/isolab/layer/upper,workdir=/isolab/layer/work";
    mount(c"overlay", ROOT, c"overlay", MountFlags::empty(), Some(layers)).at("mounting an overlay on", ROOT)
}

/// Mounts a disk, once its driver has found it.
fn disk<'a>(
    device: &'a CStr,
    place: &CStr,
    file_system: &'a CStr,
    flags: MountFlags,
) -> Result<(), Failure<'a>> {
    let (mut tries, pause) = PATIENCE;
    while tries > 0 && access(device, Access::EXISTS).is_err() {
        tries -= 1;
        // Woken early, it only looks sooner.
        let _ = nanosleep(&Timespec { tv_sec: 0, tv_nsec: pause });
    }
    mount(device, place, file_system, flags, None).map_err(|why| Failure {
        step: "mounting",
        what: device,
        kind: Some(file_system),
        why,
    })
}

/// Makes [`ROOT`] the root of this process and of all that come after it.
pub(crate) fn enter() -> Result<(), Failure<'static>> {
    chdir(ROOT).at("entering", ROOT)?;
    mount_move(c".", c"/").at("moving to / the mount", ROOT)?;
    chroot(c".").at("changing the root to", ROOT)?;
    chdir(c"/").at("entering", c"/")
}

/// Makes a folder. Returns whether it was not there before.
pub(crate) fn folder(path: &CStr) -> Result<bool, Failure<'_>> {
    match mkdir(path, Mode::from_raw_mode(0o755)) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(why) => Err(why).at("making the folder", path),
    }
}
