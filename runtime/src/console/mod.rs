//! Terminals: a pair of ends of which the container gets one (`pty(7)`, `tty_ioctl(2)`; `process.terminal`).
//!
//! The pair is made *inside*, of the container's own `devpts`: its number means something there, and nobody
//! outside can be reached through it. The inner end becomes the standard streams, the controlling terminal of
//! the process's session, and `/dev/console`. The outer end ("master") crosses the wall as an open file, over a
//! Unix socket: to the engine's, which it names by `--console-socket`; or in the foreground to the runtime, which
//! copies between it and its own terminal.
//!
//! 1. [`socket`]: the way out; it is connected before the process is created, while the path means something.
//! 2. [`pty`]: the pair is made, inside.
//! 3. [`relay`]: the runtime's part in the foreground.

mod pty;
mod relay;
mod socket;

pub(crate) use pty::attach;
pub(crate) use relay::Relay;
pub use socket::{connect, pair};
