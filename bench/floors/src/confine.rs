//! What confines the command of the container's floor: who it is, what it may do, which calls it may make.

use crate::start::{check, fail, open};
use crate::words::step;
use crate::{CLOSE, O_WRONLY, WRITE};
use core::ffi::CStr;
use isolab_workload::linux::{map, syscall};

const READ: usize = 0;
const GETEUID: usize = 107;
const GETEGID: usize = 108;
const PRCTL: usize = 157;
const SECCOMP: usize = 317;

const PR_CAPBSET_DROP: usize = 24;
const PR_SET_NO_NEW_PRIVS: usize = 38;
const SECCOMP_SET_MODE_FILTER: usize = 1;
const EINVAL: isize = -22;

/// What the default configuration leaves to a container: `CAP_KILL`, `CAP_NET_BIND_SERVICE`, `CAP_AUDIT_WRITE`.
const KEPT: [usize; 3] = [5, 10, 29];

/// The identity of this program: it becomes root of a new user namespace (`user_namespaces(7)`).
pub struct Identity {
    user: Number,
    group: Number,
}

impl Identity {
    /// That of this process, as its own namespace has it.
    pub fn own() -> Identity {
        Identity { user: Number::of(step!("geteuid", GETEUID)), group: Number::of(step!("getegid", GETEGID)) }
    }

    /// In the new namespace: the one identity that anybody may map, one's own, becomes 0.
    pub fn become_root(&self) {
        // Without this nobody may map a group who has no privilege outside.
        write(c"/proc/self/setgroups", b"deny");
        write(c"/proc/self/gid_map", &self.group.0);
        write(c"/proc/self/uid_map", &self.user.0);
    }
}

/// A line of a map: `0 NUMBER 1`, the number with zeros before it.
struct Number([u8; 14]);

impl Number {
    fn of(mut number: isize) -> Number {
        let mut text = *b"0 0000000000 1";
        for place in (2..12).rev() {
            text[place] = b'0' + (number % 10) as u8;
            number /= 10;
        }
        Number(text)
    }
}

fn write(path: &CStr, text: &[u8]) {
    let file = open("open a map of the user namespace", path, O_WRONLY);
    step!("map the identity", WRITE, file, text.as_ptr(), text.len());
    step!("close the map", CLOSE, file);
}

/// Nothing that the command runs gets any but the [`KEPT`] ones, root or not.
pub fn drop_capabilities() {
    for capability in (0..64).filter(|capability| !KEPT.contains(capability)) {
        // SAFETY: numbers only.
        let dropped = unsafe { syscall(PRCTL, [PR_CAPBSET_DROP, capability, 0, 0, 0, 0]) };
        if dropped == EINVAL {
            // Behind the last that this kernel knows.
            break;
        }
        check("drop a capability", dropped);
    }
}

/// The most instructions that the kernel takes, of eight bytes each.
const LONGEST: usize = 4096 * 8;

/// A compiled filter, as the kernel reads it.
pub struct Filter(&'static [u8]);

impl Filter {
    /// Reads it, while its file is in reach.
    pub fn read(path: &CStr) -> Filter {
        let file = open("open the seccomp filter", path, 0);
        let Some(memory) = map(LONGEST) else { fail("map memory for the seccomp filter", 0) };
        let bytes = step!("read the seccomp filter", READ, file, memory.as_mut_ptr(), memory.len());
        step!("close the seccomp filter", CLOSE, file);
        if bytes == 0 || bytes % 8 != 0 {
            fail("the seccomp filter is no list of instructions", 0);
        }
        Filter(memory.get(..bytes as usize).unwrap_or_default())
    }

    /// From here on the kernel asks it at each system call of this process and all that it starts.
    pub fn install(&self) {
        /// `struct sock_fprog`.
        #[repr(C)]
        struct Program {
            length: u16,
            instructions: *const u8,
        }
        let program = Program { length: (self.0.len() / 8) as u16, instructions: self.0.as_ptr() };
        // Or a set-user-ID program could be deceived by a filter that it did not choose.
        step!("set no_new_privs", PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        step!("install the seccomp filter", SECCOMP, SECCOMP_SET_MODE_FILTER, 0, &raw const program);
    }
}
