//! How often the gate is wrong, and what it sees: measured on recorded launches, printed, and held against `docs/gate.md`.
//!
//! `rates.csv` beside this file is a recorded run of one build: A and B are drawn from it by taking its rounds two by
//! two and letting chance say which is whose, so that there is no difference between them but the machine's noise. A
//! slowdown is seeded by multiplying B's times. What is not resampled here is a whole build that is really slower:
//! `tests/gate.rs` has one.

use super::decide::{Verdict, decide};
use crate::stats::pairs::Pairs;
use std::fmt::Write;

/// The recorded times, one column a stack.
const RECORDED: &str = include_str!("rates.csv");
const DOCS: &str = include_str!("../../../docs/gate.md");
/// Splits of the record; each is one run of the gate.
const SPLITS: usize = 200;
/// Resamples in each: less than in a real gate, whose verdicts they change in no more than a few of a thousand cases.
const RESAMPLES: usize = 400;
const SLOWDOWNS: [f64; 5] = [0.0, 0.02, 0.05, 0.10, 0.20];

/// Nanoseconds of one stack, in the order of the launches.
fn recorded(stack: &str) -> Vec<f64> {
    let mut lines = RECORDED.lines().filter(|line| !line.starts_with('#'));
    let column = lines.next().unwrap().split(',').position(|name| name == stack).unwrap();
    lines.map(|line| line.split(',').nth(column).unwrap().parse().unwrap()).collect()
}

/// How many of all splits pass, are inconclusive, and fail, when B is `slowdown` slower and `allowed` is.
fn verdicts(times: &[f64], slowdown: f64, allowed: f64) -> [usize; 3] {
    let mut random = fastrand::Rng::with_seed(11);
    let mut found = [0; 3];
    for _ in 0..SPLITS {
        let rounds = times.chunks_exact(2).map(|two| {
            let (a, b) = if random.bool() { (two[0], two[1]) } else { (two[1], two[0]) };
            (a, b * (1.0 + slowdown))
        });
        let pairs = Pairs::new(rounds).unwrap();
        let effect = pairs.effect(RESAMPLES, &mut random);
        // The test is asked only where the interval would fail: it cannot make a failure of anything else.
        let would_fail = decide(&effect, None, allowed) == Verdict::Fail;
        let p = if would_fail { pairs.slower_than(1.0 + allowed, RESAMPLES, &mut random) } else { 1.0 };
        found[decide(&effect, Some(p), allowed) as usize] += 1;
    }
    found
}

/// The table of the documentation.
fn table() -> String {
    let mut text = String::from("| stack | allowed | B is slower by | pass | inconclusive | fail |\n|---|--:|--:|--:|--:|--:|\n");
    for stack in ["process", "container"] {
        let times = recorded(stack);
        for allowed in [0.0, 0.05] {
            for slowdown in SLOWDOWNS {
                let shares = verdicts(&times, slowdown, allowed).map(|n| n as f64 * 100.0 / SPLITS as f64);
                let [pass, inconclusive, fail] = shares;
                let _ = writeln!(
                    text,
                    "| {stack} | {:.0} % | {:.0} % | {pass} % | {inconclusive} % | {fail} % |",
                    allowed * 100.0,
                    slowdown * 100.0
                );
            }
        }
    }
    text
}

/// The stated rate is 2.5 % where a build is exactly as slow as allowed. Of 200 runs that are wrong with this
/// probability, more than 13 are in less than one case of a thousand (`scipy.stats.binom.sf(13, 200, 0.025)`).
#[test]
fn an_equal_build_fails_no_more_often_than_stated_and_one_at_the_limit_neither() {
    for stack in ["process", "container"] {
        let times = recorded(stack);
        let fails = |slowdown, allowed| verdicts(&times, slowdown, allowed)[Verdict::Fail as usize];
        assert!(fails(0.0, 0.0) <= 13, "{stack}: A/A, nothing allowed");
        assert!(fails(0.05, 0.05) <= 13, "{stack}: at the limit");
        assert_eq!(fails(0.0, 0.05), 0, "{stack}: A/A, 5 % allowed");
    }
}

#[test]
fn what_is_slower_than_allowed_never_passes_and_what_is_much_slower_fails() {
    for stack in ["process", "container"] {
        let times = recorded(stack);
        let passes = |slowdown| verdicts(&times, slowdown, 0.05)[Verdict::Pass as usize];
        assert!(passes(0.05) <= 13, "{stack}: at the limit");
        assert_eq!((passes(0.10), passes(0.20)), (0, 0), "{stack}");
        assert!(verdicts(&times, 0.20, 0.05)[Verdict::Fail as usize] * 10 >= SPLITS * 9, "{stack}: 20 % slower");
    }
}

#[test]
fn the_documentation_has_these_figures() {
    let table = table();
    println!("{table}");
    assert!(DOCS.contains(&table), "docs/gate.md should have:\n{table}");
}
