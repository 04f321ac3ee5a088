//! The root of the container's floor: an overlay or the folder itself, with `/proc` if asked for, and the host out of reach.

use crate::start::{check, fail, open};
use crate::words::step;
use crate::{CLOSE, LOWER, MOUNT, O_PATH_DIRECTORY};
use core::ffi::CStr;
use isolab_workload::linux::syscall;

const CHDIR: usize = 80;
const MKDIR: usize = 83;
const PIVOT_ROOT: usize = 155;
const UMOUNT2: usize = 166;

const MS_RDONLY: usize = 1;
const MS_REMOUNT: usize = 0x20;
const MS_BIND: usize = 0x1000;
const MNT_DETACH: usize = 2;
/// No set-user-ID programs, no devices, no programs at all.
const BARE: usize = 2 | 4 | 8;
const ENOENT: isize = -2;
const EEXIST: isize = -17;

/// Of `/proc`, what tells of the host: under `/dev/null`, as the engines do it.
const HIDDEN: [&CStr; 3] = [c"proc/kcore", c"proc/keys", c"proc/timer_list"];
/// Of `/proc`, what sets something of the host: read-only.
const READ_ONLY: [&CStr; 5] = [c"proc/bus", c"proc/fs", c"proc/irq", c"proc/sys", c"proc/sysrq-trigger"];

/// Makes an overlay of `folder`, whose upper layer is a tmpfs of its own, the root.
///
/// In a user namespace the overlay's own notes go to extended attributes that its root may write.
pub fn overlay(folder: &CStr, in_user_namespace: bool, masks: bool) {
    if open("open the root folder", folder, O_PATH_DIRECTORY) as usize != LOWER {
        fail("descriptors 0, 1 and 2 must be the only ones open", 0);
    }
    let mount = |name: &CStr, target: &CStr, options: &CStr| {
        step!("mount", MOUNT, name.as_ptr(), target.as_ptr(), name.as_ptr(), 0, options.as_ptr());
    };
    // The tmpfs hides the folder's path, not the folder: the descriptor still leads there.
    mount(c"tmpfs", folder, c"");
    step!("enter the tmpfs", CHDIR, folder.as_ptr());
    for name in [c"upper", c"work", c"root"] {
        step!("make a folder", MKDIR, name.as_ptr(), 0o755);
    }
    let layers = if in_user_namespace {
        c"lowerdir=/proc/self/fd/3,upperdir=upper,workdir=work,userxattr"
    } else {
        c"lowerdir=/proc/self/fd/3,upperdir=upper,workdir=work"
    };
    mount(c"overlay", c"root", layers);
    step!("enter the root", CHDIR, c"root".as_ptr());
    if masks {
        // While the host's /proc is still in view: without it, a user namespace gets none of its own.
        masked_proc();
    }
    exchange();
    step!("close the root folder", CLOSE, LOWER);
}

/// Makes `folder` itself the root.
pub fn bind(folder: &CStr) {
    step!("bind the root folder", MOUNT, folder.as_ptr(), folder.as_ptr(), 0, MS_BIND, 0);
    step!("enter the root", CHDIR, folder.as_ptr());
    exchange();
}

/// The working directory becomes the root; the old one, mounted over it, goes.
fn exchange() {
    step!("pivot_root", PIVOT_ROOT, c".".as_ptr(), c".".as_ptr());
    step!("unmount the old root", UMOUNT2, c".".as_ptr(), MNT_DETACH);
}

/// Mounts `/proc` and hides what concerns the host.
fn masked_proc() {
    // SAFETY: the kernel reads the path up to its zero byte.
    let made = unsafe { syscall(MKDIR, [c"proc".as_ptr() as usize, 0o555, 0, 0, 0, 0]) };
    if made != EEXIST {
        check("make /proc", made);
    }
    step!("mount /proc", MOUNT, c"proc".as_ptr(), c"proc".as_ptr(), c"proc".as_ptr(), BARE, 0);
    for path in HIDDEN {
        bind_over("hide a file of /proc", c"/dev/null", path);
    }
    for path in READ_ONLY {
        if bind_over("bind a part of /proc", path, path) {
            let flags = MS_BIND | MS_REMOUNT | MS_RDONLY | BARE;
            step!("make a part of /proc read-only", MOUNT, 0, path.as_ptr(), 0, flags, 0);
        }
    }
}

/// Binds one path over another; `false`: this kernel has no such file.
fn bind_over(step: &str, source: &CStr, target: &CStr) -> bool {
    let arguments = [source.as_ptr() as usize, target.as_ptr() as usize, 0, MS_BIND, 0, 0];
    // SAFETY: the kernel reads both paths up to their zero bytes.
    let bound = unsafe { syscall(MOUNT, arguments) };
    if bound != ENOENT {
        check(step, bound);
    }
    bound != ENOENT
}
