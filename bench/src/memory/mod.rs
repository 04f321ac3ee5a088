//! The memory ledger: what one more idle instance costs, line by line, against the fall of `MemAvailable`.
//!
//! 1. [`lodging`]: the lab moves into a cgroup, so that all that it launches is charged to one account.
//! 2. [`measure`]: instances are added to a [`crate::fleet`] a batch at a time; between batches, while all hold at
//!    *ready*, three kinds of counters are read:
//! 3. [`machine`], the whole machine's; [`group`], the account's; [`processes`], those of each process.
//! 4. [`section`]: all readings, raw, as `samples.json` has them.
//! 5. [`ledger`]: from readings to lines: slopes over the number of instances, their sum, and what is left over.
//!
//! `docs/memory.md` says what each line is, and why no single ruler tells the truth.

pub mod error;
pub mod group;
pub mod ledger;
pub mod line;
pub mod lodging;
pub mod machine;
pub mod measure;
pub mod processes;
pub mod section;
pub mod table;

pub use error::MemoryError;
pub use ledger::Ledger;
pub use line::Line;
pub use section::Section;
