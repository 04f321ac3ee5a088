//! What the OCI runtime specification says about a container, apart from the kernel: its configuration, its
//! state and its lifecycle.
//!
//! 1. [`config`]: reads `config.json` of a bundle; [`reading`] knows its properties, [`check`] refuses what
//!    is broken or not to be had here. `names` are those that the specification knows and the types do not.
//! 2. [`default`]: the configuration that `spec` prints and `contain` starts from.
//! 3. [`store`]: the folder of state folders; [`state`]: what is written in each, and what is true.
//! 4. [`hooks`]: programs of the engine's that run at six points of a container's life.
//! 5. [`log`]: errors in the form that engines read.

pub mod check;
pub mod config;
pub mod default;
pub mod hooks;
pub mod log;
pub(crate) mod names;
pub mod reading;
pub mod state;
pub mod store;
