//! A container's life, as the runtime outside sees it: the recipe.
//!
//! 1. [`create`]: all that belongs to the container is made, in an order in which everything that is made
//!    has been written down before; or, if a step fails, nothing of it stays.
//! 2. [`start`]: the first process is let go on, and executes the user's program.
//! 3. [`run`]: both at once, and then in the foreground until the end.
//! 4. [`kill`], [`delete`]: a signal; and the clearing of everything. [`look`]: what is true of it meanwhile.

mod create;
mod delete;
mod kill;
mod look;
pub(crate) mod plan;
mod recipe;
mod run;
mod start;
mod sweep;

pub use create::create;
pub(crate) use create::{hand_on, write_pid};
pub use delete::delete;
pub(crate) use delete::end_child;
pub use kill::{kill, kill_all, signal_named};
pub use look::{Seen, look, look_at_all};
pub use recipe::{Gate, Recipe};
pub use run::{Ended, run};
pub use start::start;
pub use sweep::sweep;
