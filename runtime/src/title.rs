//! What `ps` shows of a process that is about to be the container's (`proc_pid_cmdline(5)`).
//!
//! Up to its `execve` it is a copy of the runtime, whose command line everybody in its PID namespace can read: paths of
//! the host, and the words of an `exec` that another program of the container was not meant to see. To point the kernel to
//! other words takes `CAP_SYS_RESOURCE` (`PR_SET_MM_ARG_START(2const)`); to overwrite these takes nothing.

use std::env;
use std::ffi::c_char;
use std::iter;
use std::os::unix::ffi::OsStrExt as _;

/// What it shows instead, as far as there is room.
const TITLE: &[u8] = b"isolab-runtime init";

unsafe extern "C" {
    /// Where the C library has found the first of the arguments: the kernel puts them one after the other.
    static program_invocation_name: *mut c_char;
}

/// Makes a process, which finds the command line overwritten from its first instruction on; that of the calling one comes
/// back. Both must have one thread.
pub(crate) fn hidden<T>(birth: impl FnOnce() -> T) -> T {
    let words: Vec<u8> = env::args_os().flat_map(|word| [word.as_bytes(), &[0]].concat()).collect();
    // The last byte stays zero: by another the kernel would take what follows, the environment, for words too.
    let room = words.len().saturating_sub(1);
    let title = TITLE.iter().copied().chain(iter::repeat(0));
    write(title.take(room));
    let child = birth();
    write(words.into_iter().take(room));
    child
}

fn write(letters: impl Iterator<Item = u8>) {
    for (index, letter) in letters.enumerate() {
        // SAFETY: the words and the zeros that end them lie one after the other on this process's own stack, no more
        // letters are written than they have, and there is no reference to them.
        unsafe { program_invocation_name.add(index).write(letter.cast_signed()) };
    }
}
