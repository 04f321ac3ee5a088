//! The parts of the page that are there only when they were measured: each has a template and what fills it.

pub(super) mod peers;
