//! How a launcher notes its own marks, until it hands them over in its [record](crate::record).
//!
//! A stamp is one read of `CLOCK_MONOTONIC` (a vDSO call, no system call; `clock_gettime(2)`) and one
//! store, so it may stand on the launch path. [`Stamps`] is plain shared-memory data: the runtime puts
//! it in a page that it shares with the container's first process.

use crate::Mark;
use crate::record::Record;
use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicU64, Ordering};

/// This instant on `CLOCK_MONOTONIC`, in nanoseconds: the one clock of the lab.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The marks of one launcher; zero means "has not happened".
#[repr(C)]
#[derive(Debug, Default)]
pub struct Stamps([AtomicU64; Mark::ALL.len()]);

impl Stamps {
    /// Stamps `mark` with this instant.
    pub fn stamp(&self, mark: Mark) {
        self.0[mark as usize].store(now(), Ordering::Relaxed);
    }

    /// The record of these marks: what a launcher without counts writes after the workload's end.
    pub fn record(&self) -> Record {
        let marks = Mark::ALL
            .into_iter()
            .map(|mark| (mark, self.0[mark as usize].load(Ordering::Relaxed)))
            .filter(|&(_, at)| at != 0)
            .collect();
        Record { marks, ..Record::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_happened_is_in_the_record_and_nothing_else() {
        let stamps = Stamps::default();
        let before = now();
        stamps.stamp(Mark::Launcher);
        stamps.stamp(Mark::Isolate);
        let marks = stamps.record().marks;
        assert_eq!(marks.len(), 2);
        assert!(before <= marks[&Mark::Launcher] && marks[&Mark::Launcher] <= marks[&Mark::Isolate]);
    }
}
