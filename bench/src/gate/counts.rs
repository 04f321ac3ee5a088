//! System calls of one launch, of A and of B: a count has no noise, so a gate on it needs no statistics.
//!
//! Each build is counted several times. Where its counts differ from launch to launch (a runtime that polls), only what
//! lies outside of all of the other build's counts says something.

use super::decide::Verdict;
use crate::compare::command;
use crate::counts::section::ByName;
use crate::counts::trace;
use crate::ground::Ground;
use crate::stacks;
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often each build is counted.
const TIMES: usize = 3;

/// The calls by name of each counted launch, by stack.
pub type Counted = BTreeMap<Stack, Vec<ByName>>;

/// The least and the most of several counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
}

/// What the counts of one stack come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which stack.
    pub stack: Stack,
    /// All calls of a launch of A.
    pub a: Range,
    /// All calls of a launch of B.
    pub b: Range,
    /// The calls whose counts differ for certain: of A and of B.
    pub differences: BTreeMap<String, [Range; 2]>,
    /// The verdict.
    pub verdict: Verdict,
}

/// Counts launches of nothing-to-do in each of `stacks`; those that cannot be traced are left out.
pub fn count(stacks: &[Stack], ground: &Ground, limit: Duration) -> Counted {
    let once = |stack| {
        let status = |status| stacks::of(stack).status(status);
        let traced = trace::count(command(stack, ground, Workload(Kind::Noop))?, limit, &status);
        traced.ok().map(|counts| counts.syscalls)
    };
    let times = |&stack: &Stack| Some((stack, (0..TIMES).map(|_| once(stack)).collect::<Option<Vec<_>>>()?));
    stacks.iter().filter_map(times).collect()
}

/// Decides for each stack that was counted of both builds: more than `allowed` calls more than A's most fail.
pub fn decide([a, b]: &[Counted; 2], allowed: u64) -> Vec<Change> {
    let both = a.iter().filter_map(|(&stack, of_a)| Some((stack, of_a, b.get(&stack)?)));
    both.map(|(stack, of_a, of_b)| {
        let range = |counts: &[ByName], of: &dyn Fn(&ByName) -> u64| Range {
            least: counts.iter().map(of).min().unwrap_or(0),
            most: counts.iter().map(of).max().unwrap_or(0),
        };
        let all = |counts: &ByName| counts.values().sum::<u64>();
        let (a, b) = (range(of_a, &all), range(of_b, &all));
        let names: BTreeSet<&String> = of_a.iter().chain(of_b).flat_map(BTreeMap::keys).collect();
        let differences = names.into_iter().filter_map(|name| {
            let of = |counts: &ByName| counts.get(name).copied().unwrap_or(0);
            let (a, b) = (range(of_a, &of), range(of_b, &of));
            (a.most < b.least || b.most < a.least).then(|| (name.clone(), [a, b]))
        });
        let verdict = if b.least > a.most + allowed {
            Verdict::Fail
        } else if b.most <= a.least + allowed {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        };
        Change { stack, a, b, differences: differences.collect(), verdict }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Calls<'a> = &'a [(&'a str, u64)];

    fn counted(launches: &[Calls<'_>]) -> Counted {
        let counts = |calls: &Calls<'_>| calls.iter().map(|&(name, n)| (name.into(), n)).collect();
        [(Stack::Container, launches.iter().map(counts).collect())].into()
    }

    #[test]
    fn one_call_more_fails_and_is_named() {
        let (old, new): (Calls<'_>, Calls<'_>) =
            (&[("write", 3), ("mount", 2)], &[("write", 3), ("mount", 2), ("umount2", 1)]);
        let (a, b) = (counted(&[old; 3]), counted(&[new; 3]));
        let change = |pair: &[Counted; 2], allowed| decide(pair, allowed).remove(0);
        let more = change(&[a.clone(), b.clone()], 0);
        assert_eq!((more.verdict, more.a.most, more.b.least), (Verdict::Fail, 5, 6));
        assert_eq!(more.differences.keys().collect::<Vec<_>>(), ["umount2"]);
        assert_eq!(change(&[a.clone(), b.clone()], 1).verdict, Verdict::Pass, "it was allowed");
        assert_eq!(change(&[b, a.clone()], 0).verdict, Verdict::Pass, "fewer");
        let same = change(&[a.clone(), a], 0);
        assert!(same.verdict == Verdict::Pass && same.differences.is_empty());
    }

    #[test]
    fn counts_that_vary_are_judged_by_what_lies_outside_of_them() {
        let a = counted(&[&[("futex", 3)], &[("futex", 5)]]);
        let verdict = |b: &[&[(&str, u64)]]| decide(&[a.clone(), counted(b)], 0)[0].verdict;
        assert_eq!(verdict(&[&[("futex", 4)], &[("futex", 6)]]), Verdict::Inconclusive);
        assert_eq!(verdict(&[&[("futex", 6)], &[("futex", 7)]]), Verdict::Fail);
        assert_eq!(verdict(&[&[("futex", 3)], &[("futex", 2)]]), Verdict::Pass);
    }

    #[test]
    fn a_stack_that_was_counted_of_one_build_only_has_no_verdict() {
        assert!(decide(&[counted(&[&[("write", 1)]]), Counted::new()], 0).is_empty());
    }
}
