//! The system call that takes a program and ties it to a group (`bpf(2)`).
//!
//! An access must be allowed by the programs of the group *and* of all groups above, and by every program that
//! one group has. So new rules come in place of the old ones in one step where the kernel can (Linux 5.6);
//! otherwise the new program is tied first and the old one untied after it, and in between both must allow:
//! at no time is there more than either allows.

use super::instructions::Instruction;
use crate::error::{Context, Error};
use rustix::io::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

const PROGRAM_LOAD: u32 = 5;
const PROGRAM_ATTACH: u32 = 8;
const PROGRAM_DETACH: u32 = 9;
const PROGRAM_BY_ID: u32 = 13;
const PROGRAM_QUERY: u32 = 16;
/// Both the type of the program and the place where it is tied.
const TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
/// Programs may be tied above, below and beside it.
const ALLOW_MULTI: u32 = 2;
const REPLACE: u32 = 4;
/// More programs than this on one group are not ours to judge.
const MOST: usize = 64;

/// The parts of `union bpf_attr` that are used here; what follows them is zero for the kernel.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
}

#[repr(C)]
#[derive(Default)]
struct Attach {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
    replaced: u32,
}

#[repr(C)]
struct Query {
    target: u32,
    kind: u32,
    flags: u32,
    flags_of_programs: u32,
    ids: u64,
    count: u32,
    padding: u32,
}

#[repr(C)]
struct ById {
    id: u32,
    next_id: u32,
    flags: u32,
}

/// Has the kernel check and take the program.
pub(super) fn load(program: &[Instruction]) -> Result<OwnedFd, Error> {
    let mut attributes = Load {
        kind: TYPE_CGROUP_DEVICE,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
    };
    // SAFETY: the kernel reads `count` instructions and a C string, both of which live longer than the call.
    let fd =
        unsafe { bpf(PROGRAM_LOAD, &mut attributes) }.step("loading the device rules into the kernel")?;
    // SAFETY: the call returned a new descriptor, which nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Ties `program` to the group.
pub(super) fn attach(program: &OwnedFd, group: BorrowedFd<'_>) -> Result<(), Error> {
    tie(PROGRAM_ATTACH, group, program, ALLOW_MULTI, None).step("tying device rules to the group")
}

/// Ties `program` to the group in place of every other device program that is tied to this very group.
pub(super) fn replace(program: &OwnedFd, group: BorrowedFd<'_>) -> Result<(), Error> {
    let old = attached(group).step("asking for the group's device rules")?;
    if let [only] = &*old
        && tie(PROGRAM_ATTACH, group, program, ALLOW_MULTI | REPLACE, Some(only)).is_ok()
    {
        return Ok(());
    }
    attach(program, group)?;
    old.iter().try_for_each(|old| tie(PROGRAM_DETACH, group, old, 0, None).step("untying old device rules"))
}

fn tie(
    command: u32,
    group: BorrowedFd<'_>,
    program: &OwnedFd,
    flags: u32,
    replaced: Option<&OwnedFd>,
) -> Result<(), Errno> {
    let mut attributes = Attach {
        target: group.as_raw_fd() as u32,
        program: program.as_raw_fd() as u32,
        kind: ATTACH_CGROUP_DEVICE,
        flags,
        replaced: replaced.map_or(0, |fd| fd.as_raw_fd() as u32),
    };
    // SAFETY: the attributes hold descriptors and no pointers.
    unsafe { bpf(command, &mut attributes) }.map(drop)
}

/// The device programs that are tied to this group itself.
fn attached(group: BorrowedFd<'_>) -> Result<Vec<OwnedFd>, Errno> {
    let mut ids = [0_u32; MOST];
    let mut query = Query {
        target: group.as_raw_fd() as u32,
        kind: ATTACH_CGROUP_DEVICE,
        flags: 0,
        flags_of_programs: 0,
        ids: ids.as_mut_ptr() as u64,
        count: MOST as u32,
        padding: 0,
    };
    // SAFETY: the kernel writes at most `count` numbers to the array, which lives longer than the call.
    unsafe { bpf(PROGRAM_QUERY, &mut query) }?;
    let ids = ids.iter().take(query.count as usize);
    ids.map(|&id| {
        let mut attributes = ById { id, next_id: 0, flags: 0 };
        // SAFETY: the attributes hold a number.
        let fd = unsafe { bpf(PROGRAM_BY_ID, &mut attributes) }?;
        // SAFETY: the call returned a new descriptor, which nothing else owns.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    })
    .collect()
}

/// # Safety
/// `attributes` must be laid out as the kernel's `union bpf_attr` begins for `command`, and what it points
/// to must be valid for what the command does with it.
unsafe fn bpf<T>(command: u32, attributes: &mut T) -> Result<i32, Errno> {
    // SAFETY: by this function's contract; the size is that of the attributes.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command as libc::c_int, std::ptr::from_mut(attributes), size_of::<T>())
    };
    if result < 0 { Err(last_error()) } else { Ok(result as i32) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
