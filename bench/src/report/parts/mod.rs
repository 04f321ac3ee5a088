//! The parts of the page that stand on their own: each a template beside it, and what it is filled with.

pub(super) mod order;
