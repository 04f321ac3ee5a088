//! The numbers: from the samples of a run to the figures that tables, charts and sentences show.
//!
//! 1. [`quantile`]: the median and its relatives, by one stated definition.
//! 2. [`bootstrap`]: how far the median could have come out otherwise: 95 % intervals.
//! 3. [`ranks`]: the same for any quantile, by two values of the sample.
//! 4. [`ecdf`]: every launch at once, as a curve.
//! 5. [`pairs`]: one build against another that was launched in the same rounds: ratio, interval, p-value, and the
//!    smallest effect that the run could have seen; [`sums`]: the same for what adds up; [`holm`]: several such tests at once; [`normal`]: the
//!    distribution that both rest on in the end.
//! 6. [`drift`]: whether the machine drifted while the run went on.
//! 7. [`summary`]: all of it for each stack, clock and phase of a run.
//! 8. [`mod@line`]: what grows with a number: slope, prediction, and their intervals.
//! 9. [`show`]: figures as text, the same in every place.
//!
//! Which launches count is decided in one place, [`crate::samples::SamplesFile::counted`].

pub mod bootstrap;
pub mod drift;
pub mod ecdf;
pub mod holm;
pub mod line;
pub mod normal;
pub mod pairs;
pub mod quantile;
pub mod ranks;
pub mod show;
pub mod summary;
pub mod sums;

pub use bootstrap::{Difference, Interval, Ratio};
pub use quantile::Sorted;
pub use summary::{Clock, Figure, StackSummary, Summary};
