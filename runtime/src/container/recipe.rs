//! What to create, and how: a configuration and what the command line adds to it.

use crate::oci::config::Config;
use crate::oci::store::Store;
use std::path::PathBuf;

/// How the first process is let go when all is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It waits for `start`.
    Start,
    /// It goes on at once, and lives on when the runtime ends.
    Detached,
    /// It goes on at once, and dies with the runtime.
    Tied,
}

/// A container to create.
#[derive(Debug)]
// Each is a flag of the command line.
#[allow(clippy::struct_excessive_bools)]
pub struct Recipe {
    /// Its name.
    pub id: String,
    /// Its configuration.
    pub config: Config,
    /// Where its state is kept.
    pub store: Store,
    /// How its first process is let go.
    pub gate: Gate,
    /// Where to write the number of its first process.
    pub pid_file: Option<PathBuf>,
    /// The socket that gets its terminal.
    pub console_socket: Option<PathBuf>,
    /// How many of the caller's descriptors it keeps, beyond the standard three.
    pub preserve_fds: u32,
    /// Whether the root is exchanged by `pivot_root(2)`; else by moving the mount, for hosts on an initramfs.
    pub pivot: bool,
    /// Whether it gets a session keyring of its own.
    pub keyring: bool,
    /// Whether its filter of system calls is the runtime's own, of which the configuration says nothing.
    pub default_filter: bool,
    /// Whether what it writes to its root goes to a layer of its own.
    pub overlay: bool,
    /// Whether a small init of this runtime's is its first process, and the user's program a child of that.
    pub init: bool,
    /// Whether its state stays after its end, for `delete`.
    pub keep: bool,
}
