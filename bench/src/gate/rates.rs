//! How often the gate is wrong, and what it sees: measured on recorded launches, printed, and held against `docs/gate.md`.
//!
//! `rates.csv` beside this file is a recorded run of one build: A and B are drawn from it by taking its rounds two by
//! two and letting chance say which is whose, so that there is no difference between them but the machine's noise. A
//! slowdown is seeded by multiplying B's times. What is not resampled here is a whole build that is really slower:
//! `tests/gate.rs` has one.

use super::decide::{Verdict, decide};
use crate::stats::Interval;
use crate::stats::pairs::{Effect, Pairs};
use std::fmt::Write;

/// The recorded times, one column a stack.
const RECORDED: &str = include_str!("rates.csv");
const DOCS: &str = include_str!("../../../docs/gate.md");
/// Splits of the record; each is one run of the gate.
const SPLITS: usize = 200;
/// Resamples of the interval and draws of the randomization test in each: less than in a real gate, to be done in seconds.
const RESAMPLES: usize = 400;
const DRAWS: usize = 200;
const SLOWDOWNS: [f64; 5] = [0.0, 0.02, 0.05, 0.10, 0.20];

fn lines() -> impl Iterator<Item = &'static str> {
    RECORDED.lines().filter(|line| !line.starts_with('#'))
}

/// The stacks of the record.
fn stacks() -> impl Iterator<Item = &'static str> {
    lines().next().unwrap().split(',')
}

/// Nanoseconds of one stack, in the order of the launches.
fn recorded(stack: &str) -> Vec<f64> {
    let column = stacks().position(|name| name == stack).unwrap();
    lines().skip(1).map(|line| line.split(',').nth(column).unwrap().parse().unwrap()).collect()
}

/// The record's rounds, two by two, chance saying which is whose, and what the gate finds in them.
fn splits(stack: &str) -> Vec<(Pairs, Effect)> {
    let times = recorded(stack);
    let mut random = fastrand::Rng::with_seed(11);
    (0..SPLITS)
        .map(|_| {
            let sides = |two: &[f64]| if random.bool() { (two[0], two[1]) } else { (two[1], two[0]) };
            let pairs = Pairs::new(times.chunks_exact(2).map(sides)).unwrap();
            let effect = pairs.effect(RESAMPLES, &mut random);
            (pairs, effect)
        })
        .collect()
}

/// How many of all splits pass, are inconclusive, and fail, when B is `slowdown` slower and `allowed` is.
fn verdicts(splits: &[(Pairs, Effect)], slowdown: f64, allowed: f64) -> [usize; 3] {
    let mut random = fastrand::Rng::with_seed(12);
    let mut found = [0; 3];
    for (pairs, effect) in splits {
        // Multiplying all of B's times multiplies the ratio and the ends of its interval, and divides the limit.
        let times = 1.0 + slowdown;
        let interval = Interval { low: effect.interval.low * times, high: effect.interval.high * times };
        let effect = Effect { ratio: effect.ratio * times, interval, ..*effect };
        // The test is asked only where the interval would fail: it cannot make a failure of anything else.
        let would_fail = decide(&effect, None, allowed) == Verdict::Fail;
        let limit = (1.0 + allowed) / times;
        let p = if would_fail { pairs.slower_than(limit, DRAWS, &mut random) } else { 1.0 };
        found[decide(&effect, Some(p), allowed) as usize] += 1;
    }
    found
}

#[test]
fn it_is_wrong_no_more_often_than_stated_and_the_documentation_says_how_often() {
    let mut table = String::from(
        "| stack | allowed | B is slower by | pass | inconclusive | fail |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for stack in stacks() {
        let splits = splits(stack);
        for allowed in [0.0, 0.05] {
            for slowdown in SLOWDOWNS {
                let found = verdicts(&splits, slowdown, allowed);
                let [pass, inconclusive, fail] = found.map(|n| n as f64 * 100.0 / SPLITS as f64);
                let [a, b] = [allowed, slowdown].map(|share| share * 100.0);
                let _ = writeln!(
                    table,
                    "| {stack} | {a:.0} % | {b:.0} % | {pass} % | {inconclusive} % | {fail} % |"
                );
                judge(stack, slowdown, allowed, found);
            }
        }
        let floors: f64 = splits.iter().map(|(_, effect)| effect.detectable).sum();
        println!("{stack}: the mean noise floor is {:.1} %", floors / SPLITS as f64 * 100.0);
    }
    println!("{table}");
    assert!(DOCS.contains(&table), "docs/gate.md should have:\n{table}");
}

/// Of 200 runs that are wrong with the stated probability of 2.5 %, more than 13 are in less than one case of a thousand
/// (`scipy.stats.binom.sf(13, 200, 0.025)`).
fn judge(stack: &str, slowdown: f64, allowed: f64, [pass, inconclusive, fail]: [usize; 3]) {
    let at = format!("{stack}, {slowdown} slower, {allowed} allowed: {pass}, {inconclusive}, {fail}");
    assert_eq!(pass + inconclusive + fail, SPLITS, "{at}");
    assert!(slowdown > allowed || fail <= 13, "an alarm that is none: {at}");
    assert!(slowdown < allowed || pass <= 13, "a pass that is none: {at}");
    // Far from the limit it is never wrong, and finds what there is.
    assert!(slowdown > 0.0 || allowed == 0.0 || fail == 0, "{at}");
    assert!(slowdown < 2.0 * allowed || allowed == 0.0 || pass == 0, "{at}");
    assert!(slowdown < 0.2 || fail * 10 >= SPLITS * 9, "{at}");
    assert!(allowed > 0.0 || pass == 0, "nothing shows that a difference is nothing: {at}");
}
