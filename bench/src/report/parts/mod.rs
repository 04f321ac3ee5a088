//! What the page says of each part of a run, one part a file: the values for its template, and its sentences for the head.
//! A part that was not measured has no value, and the page no trace of it.

pub(super) mod counts;
pub(super) mod density;
pub(super) mod ladder;
pub(super) mod memory;
pub(super) mod order;
pub(super) mod peers;
pub(super) mod startup;
pub(super) mod tax;
