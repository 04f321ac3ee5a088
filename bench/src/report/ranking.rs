//! Who comes first on a clock, and where that differs from the headline's clock.
//!
//! A place is claimed only where the interval of the two medians' ratio excludes 1; otherwise the two stand as equals.

use super::sentences::{RULER, listed, noun};
use crate::stats::{Clock, StackSummary, Summary};
use isolab_timeline::Stack;
use std::cmp::Ordering;

/// The ranking on one clock, and what it says beside that of the headline's clock.
pub(super) fn line(summary: &Summary, clock: Clock) -> Option<String> {
    let stacks = contenders(summary, clock);
    let (first, rest) = stacks.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let others = stacks.iter().zip(rest).map(|(before, stack)| {
        let sign = if apart(summary, clock, *before, *stack) == Ordering::Less { "<" } else { "≈" };
        format!(" {sign} {}", stack.name())
    });
    let others: String = others.collect();
    let all = stacks.len() == contenders(summary, RULER).len();
    let missing = if all { "" } else { "; the others are below what a mark costs" };
    let beside = match flips(summary, clock) {
        _ if clock == RULER => String::new(),
        none if none.is_empty() => format!(" No two change places for certain against {}.", RULER.name()),
        some => format!(" The ranking flips against {}: {}.", RULER.name(), in_words(&some)),
    };
    Some(format!("Quickest first, {}: {}{others}{missing}.{beside}", clock.name(), first.name()))
}

/// One sentence on the clocks that start with the spawn, where one of them turns the headline's ranking over.
pub(super) fn sentence(summary: &Summary) -> Option<String> {
    let flipped = |clock: &Clock| !flips(summary, *clock).is_empty();
    let clock = [Clock::Reaped, Clock::End, Clock::Ready].into_iter().find(flipped)?;
    let pairs = in_words(&flips(summary, clock));
    Some(format!("The ranking depends on the clock: by {}, {pairs}.", clock.name()))
}

/// Our own stacks that this clock measures and no KVM emulates, the quickest first.
fn contenders(summary: &Summary, clock: Clock) -> Vec<Stack> {
    let ours = |stack: &&StackSummary| !stack.stack.is_floor() && !stack.stack.is_peer() && !stack.emulated;
    let mut stacks: Vec<_> = summary
        .stacks
        .iter()
        .filter(ours)
        .filter_map(|stack| {
            Some((stack.clock(clock).filter(|figure| !figure.below_probe)?.p50(), stack.stack))
        })
        .collect();
    stacks.sort_by(|a, b| a.0.total_cmp(&b.0));
    stacks.into_iter().map(|(_, stack)| stack).collect()
}

/// Whether `a` takes less time than `b` on this clock, more, or cannot be told from it.
fn apart(summary: &Summary, clock: Clock, a: Stack, b: Stack) -> Ordering {
    let interval = summary.ratio(a, b, clock).and_then(|ratio| ratio.interval);
    match interval {
        Some(ends) if ends.high < 1.0 => Ordering::Less,
        Some(ends) if ends.low > 1.0 => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// The pairs of which the first comes before the second on this clock, and after it on the headline's, both for certain.
fn flips(summary: &Summary, clock: Clock) -> Vec<(Stack, Stack)> {
    let stacks = contenders(summary, clock);
    let pairs =
        stacks.iter().enumerate().flat_map(|(place, &a)| stacks[place + 1..].iter().map(move |&b| (a, b)));
    pairs
        .filter(|&(a, b)| {
            apart(summary, clock, a, b) == Ordering::Less && apart(summary, RULER, a, b) == Ordering::Greater
        })
        .collect()
}

fn in_words(pairs: &[(Stack, Stack)]) -> String {
    let said: Vec<_> = pairs.iter().map(|&(a, b)| format!("{} comes before {}", noun(a), noun(b))).collect();
    listed(&said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn a_flip_is_named_only_where_both_clocks_are_certain() {
        // The unikernel begins before the container, and takes ten times as long to clear away.
        let flipped = Summary::of(&example::flipped());
        let begin = line(&flipped, Clock::Begin).unwrap();
        assert_eq!(begin, "Quickest first, spawn → begin: process < unikernel < container.");
        let reaped = line(&flipped, Clock::Reaped).unwrap();
        assert!(
            reaped.starts_with("Quickest first, spawn → reaped: process < container < unikernel."),
            "{reaped}"
        );
        assert!(
            reaped.ends_with("flips against spawn → begin: a container comes before a unikernel."),
            "{reaped}"
        );
        assert!(
            sentence(&flipped).unwrap().contains("by spawn → reaped, a container comes before a unikernel")
        );
        let steady = Summary::of(&example::run());
        assert!(sentence(&steady).is_none());
        assert!(line(&steady, Clock::Reaped).unwrap().contains("No two change places"));
        let alike = line(&Summary::of(&example::alike()), Clock::Begin).unwrap();
        assert!(alike.contains('≈'), "{alike}");
    }
}
