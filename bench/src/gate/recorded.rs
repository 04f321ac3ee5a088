//! Two records of launches, and the pairs in them.

use crate::host::clock::Clock as Time;
use crate::samples::{SamplesFile, merge, ms};
use crate::stats::Clock;
use isolab_timeline::{Mark, Sample, Stack};

/// Two records may not be held against each other.
#[derive(Debug, thiserror::Error)]
#[error("{a} and {b} cannot be compared: {reason}")]
pub struct Refused {
    a: String,
    b: String,
    reason: String,
}

/// A's and B's launches, which may be compared.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// A's.
    pub a: &'a SamplesFile,
    /// B's.
    pub b: &'a SamplesFile,
}

impl<'a> Recorded<'a> {
    /// Takes two records if they are of one host, clock, schema and work, and either of one interleaved run or of
    /// machines in which nothing depends on chance. Two runs one after the other are refused: what the machine did
    /// meanwhile would be taken for a difference between the builds.
    pub fn of([a, b]: [&'a SamplesFile; 2], names: [&str; 2]) -> Result<Recorded<'a>, Refused> {
        let recorded = Recorded { a, b };
        let reason = merge::mismatch(a, b).or_else(|| {
            let apart =
                !recorded.is_exact() && recorded.stacks().any(|stack| !recorded.is_interleaved(stack));
            apart.then(|| {
                "their launches were not interleaved in one run; launch both with `isolab gate A B`".into()
            })
        });
        match reason {
            Some(reason) => Err(Refused { a: names[0].into(), b: names[1].into(), reason }),
            None => Ok(recorded),
        }
    }

    /// Whether the figures have no noise: the times are counts of instructions.
    pub fn is_exact(self) -> bool {
        self.a.host.clock == Time::VirtualIcount
    }

    /// The stacks of which both have launches that count.
    pub fn stacks(self) -> impl Iterator<Item = Stack> {
        self.a.stacks().filter(move |&stack| self.b.counted(stack).next().is_some())
    }

    /// The launches of each round after warm-up, of A and of B.
    fn rounds(self, stack: Stack) -> impl Iterator<Item = (&'a Sample, &'a Sample)> {
        let launches = |file: &'a SamplesFile| {
            file.samples.iter().filter(move |sample| sample.stack == stack && !sample.warmup)
        };
        launches(self.a).zip(launches(self.b))
    }

    /// Whether each round ends before the next begins.
    fn is_interleaved(self, stack: Stack) -> bool {
        let rounds = self.rounds(stack).map(|(a, b)| (a.order.min(b.order), a.order.max(b.order)));
        let ends: Vec<_> = rounds.collect();
        ends.iter().all(|(first, last)| first < last) && ends.windows(2).all(|pair| pair[0].1 < pair[1].0)
    }

    /// The times of A and B on `clock`, in milliseconds, of each round in which both launches count.
    pub fn pairs(self, stack: Stack, clock: Clock) -> Vec<(f64, f64)> {
        let time = |sample: &Sample| {
            let span = sample.marks_ns.span(Mark::Spawn, clock.mark())?;
            sample.invalid.is_none().then(|| ms(span))
        };
        self.rounds(stack).filter_map(|(a, b)| Some((time(a)?, time(b)?))).collect()
    }

    /// The first launch of `stack` that failed or was not measured, warm-up included: of A or of B, and why.
    pub fn invalid(self, stack: Stack) -> Option<(&'static str, &'a str)> {
        let first = |file: &'a SamplesFile| {
            file.samples
                .iter()
                .filter(move |sample| sample.stack == stack)
                .find_map(|sample| sample.invalid.as_deref())
        };
        first(self.b).map(|why| ("B", why)).or_else(|| first(self.a).map(|why| ("A", why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    /// One run of which every other round is taken for the other build's.
    fn split() -> [SamplesFile; 2] {
        let whole = example::run();
        let stacks = whole.stacks().count();
        let half = |which: usize| {
            let mut file = whole.clone();
            file.samples.retain(|sample| sample.order / stacks % 2 == which);
            file.warmup = 1;
            file
        };
        [half(0), half(1)]
    }

    #[test]
    fn rounds_of_one_run_are_paired_and_invalid_launches_leave_their_round_out() {
        let [a, mut b] = split();
        let recorded = Recorded::of([&a, &b], ["a", "b"]).unwrap();
        let pairs = recorded.pairs(Stack::Container, Clock::Begin);
        assert_eq!(pairs.len(), 30);
        assert_eq!(recorded.invalid(Stack::Container), None);
        let first = a.spans_ms(Stack::Container, Mark::Spawn, Mark::Begin).next().unwrap();
        assert_eq!(pairs[0].0.to_bits(), first.to_bits());
        let place = b.samples.iter().rposition(|sample| sample.stack == Stack::Container).unwrap();
        b.samples[place].invalid = Some("exit status 1".into());
        let recorded = Recorded::of([&a, &b], ["a", "b"]).unwrap();
        assert_eq!(recorded.pairs(Stack::Container, Clock::Begin).len(), 29);
        assert_eq!(recorded.invalid(Stack::Container), Some(("B", "exit status 1")));
        assert_eq!(recorded.invalid(Stack::Process), None);
    }

    #[test]
    fn runs_one_after_the_other_are_refused_unless_time_is_virtual() {
        let (mut a, mut b) = (example::run(), example::alike());
        let refused = Recorded::of([&a, &b], ["old.json", "new.json"]).unwrap_err().to_string();
        assert!(refused.contains("old.json") && refused.contains("not interleaved"), "{refused}");
        for file in [&mut a, &mut b] {
            file.host.clock = Time::VirtualIcount;
        }
        assert!(Recorded::of([&a, &b], ["a", "b"]).unwrap().is_exact());
        b.host.cpu = "another".into();
        let refused = Recorded::of([&a, &b], ["a", "b"]).unwrap_err().to_string();
        assert!(refused.contains("different hosts: cpu"), "{refused}");
    }
}
