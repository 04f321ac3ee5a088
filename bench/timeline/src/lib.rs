//! The words that the lab, the runtime and the VMM share.
//!
//! 1. [`stack`], [`peer`]: which wall stands around the work, and whose.
//! 2. [`workload`]: which work.
//! 3. [`mark`]: the events of one launch.
//! 4. [`stamps`]: how a launcher notes its own marks.
//! 5. [`record`]: what it hands over when all is done.
//! 6. [`timeline`]: the marks of one launch on one clock, and the phases between them.
//! 7. [`command`]: what a command finds when it starts, in a container and in a Linux guest.
//! 8. [`sample`]: one launch, whole: what `samples.json` holds.
//!
//! Beside them, [`mod@file`] is the error of a file that did not do what was asked.
#![deny(unsafe_code)]

pub mod command;
pub mod file;
pub mod mark;
pub mod peer;
pub mod record;
pub mod sample;
pub mod stack;
pub mod stamps;
pub mod timeline;
pub mod workload;

pub use mark::Mark;
pub use peer::Peer;
pub use record::Record;
pub use sample::{Outcome, Sample};
pub use stack::Stack;
pub use stamps::Stamps;
pub use timeline::{Phase, Timeline};
pub use workload::Workload;
