//! Ways out of a container that have worked somewhere, tried from inside: each is closed.
//!
//! A wall that was never tried without is no wall. So where it does no harm the same try is made where the wall is
//! not, and must succeed: on the host, or in a container that is asked to be open in this one place.

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod files;
mod resources;
mod root;
mod runtime;
mod tries;
