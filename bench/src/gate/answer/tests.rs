use super::*;
use crate::gate::memory::Taken;
use crate::host::clock::Clock as Time;
use crate::report::example;
use crate::samples::Unavailable;
use isolab_timeline::Mark;

const ALLOWED: Allowed = Allowed { max_slowdown: 0.05, max_growth: 0.05, more_calls: 0 };

/// Made-up rounds of a container, each with a launch of A and one of B, which takes `times` as long. What a round has in
/// common varies by half, a launch by a hundredth.
fn rounds(n: usize, times: f64) -> [SamplesFile; 2] {
    let mut random = fastrand::Rng::with_seed(5);
    let mut files = [example::of(&[], 0), example::of(&[], 0)];
    let mut whole = example::of(&[(Stack::Container, [0.58, 0.94, 0.006, 0.37])], n);
    whole.samples.retain(|sample| !sample.warmup);
    for (round, sample) in whole.samples.iter().enumerate() {
        let common = 1.0 + 0.5 * random.f64();
        for (build, factor) in [1.0, times].into_iter().enumerate() {
            let mut launch = sample.clone();
            let own = common * factor * (1.0 + 0.01 * random.f64());
            for (mark, at) in sample.marks_ns.marks() {
                let typical = if mark == Mark::Spawn { 0.0 } else { 1e6 + 1e5 * f64::from(mark as u8) };
                assert!(at >= 0);
                launch.marks_ns.set(mark, (typical * own) as i64);
            }
            launch.order = 2 * round + build;
            files[build].samples.push(launch);
        }
    }
    for file in &mut files {
        file.warmup = 0;
    }
    files
}

fn answer(files: &[SamplesFile; 2], counted: &[Counted; 2]) -> Answer {
    of(files, counted, Vec::new())
}

fn of(files: &[SamplesFile; 2], counted: &[Counted; 2], grown: Vec<Grown>) -> Answer {
    let named = ["main", "HEAD"].map(|name| Named { name: name.into(), commit: files[0].commit.clone() });
    Answer::of(Recorded::of([&files[0], &files[1]], ["a", "b"]).unwrap(), counted, grown, named, ALLOWED)
}

fn verdict(files: &[SamplesFile; 2]) -> Verdict {
    answer(files, &Default::default()).verdict
}

#[test]
fn the_same_passes_and_what_is_a_fifth_slower_fails_with_its_size() {
    assert_eq!(verdict(&rounds(60, 1.0)), Verdict::Pass);
    let slow = answer(&rounds(60, 1.2), &Default::default());
    assert_eq!(slow.verdict, Verdict::Fail);
    assert_eq!(slow.startup.len(), CLOCKS.len());
    for row in &slow.startup {
        let effect = row.effect.unwrap();
        assert!(effect.low < 1.2 && 1.2 < effect.high && effect.detectable < 0.05, "{row:?}");
        assert!(row.p.unwrap()[1] >= row.p.unwrap()[0] && row.superiority.unwrap() > 0.5, "{row:?}");
    }
}

#[test]
fn at_the_limit_and_with_few_rounds_it_is_inconclusive() {
    assert_eq!(verdict(&rounds(60, 1.05)), Verdict::Inconclusive);
    assert_eq!(verdict(&rounds(5, 1.0)), Verdict::Inconclusive, "too few for an interval");
}

#[test]
fn what_was_not_measured_never_passes() {
    let mut files = rounds(60, 1.0);
    files[1].samples[7].invalid = Some("exit status 1".into());
    let flawed = answer(&files, &Default::default());
    assert_eq!(flawed.verdict, Verdict::Inconclusive);
    assert!(flawed.startup.iter().all(|row| row.flaw.as_deref().unwrap().contains("of B") && row.n == 59));
    let mut files = rounds(60, 1.0);
    files[0].partial = Some("it was interrupted".into());
    assert_eq!(verdict(&files), Verdict::Inconclusive);
}

#[test]
fn a_stack_that_only_b_cannot_run_fails() {
    let why = Unavailable { stack: Stack::Unikernel, reason: "it hangs".into(), fix: "mend it".into() };
    let mut files = rounds(60, 1.0);
    files[0].unavailable.push(why.clone());
    assert_eq!(verdict(&files), Verdict::Pass, "new in B: nothing to hold it against");
    files[1].unavailable.push(why.clone());
    assert_eq!(verdict(&files), Verdict::Pass, "this host's affair");
    files[0].unavailable.clear();
    let broken = answer(&files, &Default::default());
    assert_eq!((broken.verdict, broken.refused[0].build), (Verdict::Fail, "B"));
}

#[test]
fn one_system_call_more_fails_whatever_the_times_say() {
    let counted = |n: u64| Counted::from([(Stack::Container, vec![[("mount".to_owned(), n)].into(); 3])]);
    assert_eq!(answer(&rounds(60, 1.0), &[counted(9), counted(10)]).verdict, Verdict::Fail);
    assert_eq!(answer(&rounds(60, 1.0), &[counted(9), counted(9)]).verdict, Verdict::Pass);
    assert_eq!(answer(&rounds(60, 1.05), &[counted(9), counted(9)]).verdict, Verdict::Inconclusive);
}

/// Ten batches of containers of 300 KiB each; B's have `more` in pages of their own, and other programs move the machine's
/// memory by up to `noise`.
fn grown(more: f64, noise: f64) -> Vec<Grown> {
    let mut random = fastrand::Rng::with_seed(9);
    let mut taken = |own_kib: f64| {
        let fall_kib = own_kib + 200.0 + noise * (random.f64() - 0.5);
        Taken { own_kib, fall_kib }
    };
    let rounds = (0..10).map(|_| [taken(100.0), taken(100.0 + more)]).collect();
    vec![Grown { stack: Stack::Container, rounds, wrong: None }]
}

#[test]
fn an_instance_that_takes_more_memory_fails_by_the_ruler_that_sees_it() {
    let none = Default::default();
    let judged = |grown| of(&rounds(60, 1.0), &none, grown);
    let same = judged(grown(0.0, 10.0));
    assert_eq!((same.verdict, same.memory.len()), (Verdict::Pass, Ruler::ALL.len()), "{:#?}", same.memory);
    let leak = judged(grown(30.0, 10.0));
    assert_eq!(leak.memory.iter().map(|row| row.verdict).max(), Some(Verdict::Fail));
    let effect = leak.memory[0].effect.unwrap();
    assert!((effect.ratio - 1.3).abs() < 1e-9 && leak.memory[0].figure == Ruler::Own.name(), "{effect:?}");
    // On a busy machine only the exact ruler tells, and what it does not see does not pass.
    let busy = judged(grown(0.0, 500.0));
    let verdicts: Vec<_> = busy.memory.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Inconclusive]);
    assert_eq!(judged(grown(30.0, 500.0)).verdict, Verdict::Fail);
    let mut died = grown(0.0, 10.0);
    died[0].wrong = Some("of B: instance 7 ended too early".into());
    let died = judged(died);
    assert_eq!(died.verdict, Verdict::Inconclusive);
    assert!(crate::gate::words::sentence(&died).contains("instance 7"));
}

#[test]
fn virtual_times_are_held_against_the_limit_without_statistics() {
    let exact = |times: f64| {
        let mut files = rounds(3, 1.0);
        for (file, factor) in files.iter_mut().zip([1.0, times]) {
            file.host.clock = Time::VirtualIcount;
            for sample in &mut file.samples {
                for mark in [Mark::Begin, Mark::Reaped] {
                    sample.marks_ns.set(mark, (1e7 * factor) as i64);
                }
            }
        }
        let answer = answer(&files, &Default::default());
        assert_eq!((answer.tolerance, answer.startup[0].p), (Some(TOLERANCE), None));
        answer.verdict
    };
    assert_eq!(
        [1.0, 1.04, 1.0501, 1.06].map(exact),
        [Verdict::Pass, Verdict::Pass, Verdict::Inconclusive, Verdict::Fail]
    );
}

#[test]
fn the_same_records_give_the_same_answer() {
    let files = rounds(60, 1.03);
    let text = || serde_json::to_string(&answer(&files, &Default::default())).unwrap();
    assert_eq!(text(), text());
}

#[test]
fn people_are_told_the_verdict_its_reason_and_what_would_help() {
    use crate::gate::words;
    let says = |answer: &Answer, words: &[&str]| {
        let (sentence, summary, table) =
            (words::sentence(answer), words::summary(answer), words::table(answer));
        for word in words {
            assert!(sentence.contains(word), "{word:?} is not in {sentence}");
        }
        let title = summary.lines().next().unwrap();
        assert!(
            title.contains(answer.verdict.name()) || title.to_lowercase().contains(answer.verdict.name()),
            "{summary}"
        );
        assert!(
            table.contains("spawn → reaped") && table.lines().all(|line| line.chars().count() < 120),
            "{table}"
        );
        for text in ["main", "HEAD", "5 % slower", &answer.command, &answer.host] {
            assert!(summary.contains(text), "{text:?} is not in {summary}");
        }
    };
    let none = Default::default();
    says(
        &answer(&rounds(60, 1.2), &none),
        &["Fail: spawn → begin of container changes by +", "5 % slower is allowed"],
    );
    says(&answer(&rounds(60, 1.0), &none), &["Pass: no start-up is more than 5 % slower", "could have seen"]);
    says(
        &answer(&rounds(60, 1.05), &none),
        &["Inconclusive", "the limit of 5 % lies between", "raise --runs"],
    );
    says(&answer(&rounds(5, 1.0), &none), &["Inconclusive", "fewer than 6 rounds count"]);
    let floor = words::noise_floor(&answer(&rounds(60, 1.0), &none));
    assert!(floor.contains("n = 60") && floor.contains("of 2 intervals, 2 contain"), "{floor}");
}
