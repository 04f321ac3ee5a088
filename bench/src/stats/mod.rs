//! The numbers: from the samples of a run to the figures that tables, charts and sentences show.
//!
//! 1. [`quantile`]: the median and its relatives, by one stated definition.
//! 2. [`bootstrap`]: how far the median could have come out otherwise: 95 % intervals.
//! 3. [`ecdf`]: every launch at once, as a curve.
//! 4. [`summary`]: all of it for each stack, clock and phase of a run.
//! 5. [`line`]: what grows with a number: slope, prediction, and their intervals.
//! 6. [`show`]: figures as text, the same in every place.
//!
//! Which launches count is decided in one place, [`crate::samples::SamplesFile::counted`].

pub mod bootstrap;
pub mod ecdf;
pub mod line;
pub mod quantile;
pub mod show;
pub mod summary;

pub use bootstrap::{Interval, Ratio};
pub use quantile::Sorted;
pub use summary::{Clock, Figure, StackSummary, Summary};
