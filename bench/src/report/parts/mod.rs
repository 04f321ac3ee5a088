//! The parts of the page that a run may or may not have: each a template beside the values that fill it.

pub(super) mod memory;
