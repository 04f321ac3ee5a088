//! The runtime's own file, out of the container's reach (CVE-2019-5736; `proc_pid_exe(5)`, `open_tree(2)`,
//! `mount_setattr(2)`, `memfd_create(2)`).
//!
//! For a moment the process that will be the container's *is* this program, and a container can make it be this
//! program again: an entry point that begins with `#!/proc/self/exe` has the kernel execute it inside. From
//! there `/proc/PID/exe` is an open way to the host's file, which root inside could overwrite, to be executed
//! by root outside the next time.
//!
//! So before anything else the program executes itself once more, from a place that nobody can write to: a
//! private copy of the *mount* on which its file lies, made read-only. It costs one `execve` and copies nothing.
//! Where mounts may not be made, the file is copied into sealed memory, unless the user could not write to
//! it anyhow.

use crate::error::{Context, Error};
use crate::rootfs::attributes::Attributes;
use crate::rootfs::options::Reach;
use rustix::fs::{
    Access, CWD, MemfdFlags, Mode, OFlags, SealFlags, StatVfsMountFlags, access, fcntl_add_seals,
    fcntl_get_seals, memfd_create, open, statvfs,
};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};
use rustix::process::geteuid;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::{env, ptr};

const SELF: &str = "/proc/self/exe";

/// Makes sure that this program's file cannot be written through this process. Returns in a process for which
/// that holds; the one that called may have been replaced on the way.
pub fn from_own_container() -> Result<(), Error> {
    if statvfs(SELF).at("looking at", SELF)?.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Ok(());
    }
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let program = match open_tree(CWD, SELF, flags) {
        Ok(mount) => {
            Attributes::READ_ONLY.apply(mount.as_fd(), Reach::One).at("making read-only a copy of", SELF)?;
            mount
        }
        Err(_) => match sealed()? {
            Some(program) => program,
            None => return Ok(()),
        },
    };
    Err(execute(&program)).at("executing a protected copy of", SELF)
}

/// A copy of the program in memory that nobody can change; `None`: it is in one, or needs none.
fn sealed() -> Result<Option<OwnedFd>, Error> {
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    if !geteuid().is_root() && access(SELF, Access::WRITE_OK) == Err(Errno::ACCESS) {
        return Ok(None);
    }
    let file = open(SELF, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).at("opening", SELF)?;
    if fcntl_get_seals(&file).is_ok_and(|own| own.contains(seals)) {
        return Ok(None);
    }
    let memory = memfd_create("isolab-runtime", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
        .step("making memory for a protected copy")?;
    let mut copy = File::from(memory);
    io::copy(&mut File::from(file), &mut copy).at("copying", SELF)?;
    fcntl_add_seals(&copy, seals).step("sealing the protected copy")?;
    Ok(Some(copy.into()))
}

fn execute(program: &OwnedFd) -> Errno {
    let c_string = |text: std::ffi::OsString| CString::new(text.into_vec()).unwrap_or_default();
    let arguments: Vec<CString> = env::args_os().map(c_string).collect();
    let environment: Vec<CString> = env::vars_os()
        .map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            c_string(name)
        })
        .collect();
    let list =
        |words: &[CString]| words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect::<Vec<_>>();
    let (arguments_list, environment_list) = (list(&arguments), list(&environment));
    // SAFETY: both lists end with a null pointer and point to strings that outlive the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program.as_raw_fd(),
            c"".as_ptr(),
            arguments_list.as_ptr(),
            environment_list.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}
