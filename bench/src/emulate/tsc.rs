//! The rate of this CPU's time stamp counter.
//!
//! QEMU's emulator hands the host's counter on (`rdtsc`), and a Linux in it must learn the counter's rate. It would
//! measure it against an emulated timer, which fails under load; so it is told (`tsc_early_khz=`), and believes it
//! (`tsc=reliable`). We measure over what has to be done anyway: packing takes a tenth of a second.

use std::arch::x86_64::_rdtsc;
use std::time::{Duration, Instant};

/// The shortest time over which the rate is good to about ten parts in a million.
const SHORTEST: Duration = Duration::from_millis(50);

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    time: Instant,
    count: u64,
}

impl Moment {
    /// Now.
    pub fn now() -> Moment {
        Moment { time: Instant::now(), count: count() }
    }

    /// The counter's rate since then, in kHz.
    pub fn khz(self) -> u64 {
        std::thread::sleep(SHORTEST.saturating_sub(self.time.elapsed()));
        let Moment { time, count } = Moment::now();
        let nanoseconds = time.duration_since(self.time).as_nanos().max(1);
        (u128::from(count.wrapping_sub(self.count)) * 1_000_000 / nanoseconds) as u64
    }
}

fn count() -> u64 {
    // SAFETY: every x86-64 CPU has the instruction, and Linux leaves it open to all programs.
    unsafe { _rdtsc() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_a_cpu() {
        let khz = Moment::now().khz();
        assert!((500_000..10_000_000).contains(&khz), "{khz} kHz");
    }
}
