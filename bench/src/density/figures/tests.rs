use super::*;
use crate::report::example;

fn prediction(value: f64, [low, high]: [f64; 2], found: Option<f64>) -> Prediction {
    Prediction { what: What::Start { instances: 7 }, value, interval: Interval { low, high }, found }
}

#[test]
fn a_prediction_is_scored_by_its_width_and_by_how_far_it_missed() {
    let close =
        |found: Option<f64>, expected: f64| assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?}");
    let held = prediction(100.0, [98.0, 103.0], Some(102.0));
    assert_eq!(held.verdict(), Verdict::Held);
    close(held.interval_score(), 5.0);
    close(held.relative_error(), -2.0 / 102.0);
    let missed = prediction(100.0, [98.0, 103.0], Some(104.0));
    assert_eq!(missed.verdict(), Verdict::Missed);
    close(missed.interval_score(), 5.0 + 40.0);
    close(prediction(100.0, [98.0, 103.0], Some(97.5)).interval_score(), 5.0 + 20.0);
    assert_eq!(prediction(100.0, [94.0, 105.0], Some(100.0)).verdict(), Verdict::Inconclusive);
    assert_eq!(prediction(100.0, [98.0, 103.0], None).verdict(), Verdict::Open);
}

#[test]
fn what_an_instance_takes_and_what_a_fifth_foretells_come_from_the_points() {
    let file = example::with_density();
    let figures = Figures::of(file.density.as_ref().unwrap(), &file.host, file.seed);
    for (filled, kib) in figures.filled.iter().zip([300.0, 700.0, 170.0, 490.0]) {
        let bytes = filled.bytes.unwrap();
        assert!(bytes.interval.unwrap().contains(bytes.value));
        assert!((bytes.value / 1024.0 - kib).abs() < 5.0, "{}", bytes.value / 1024.0);
        let Some(ceiling) =
            filled.predictions.iter().find(|one| one.what == What::Ceiling { budget: 100 << 20 })
        else {
            // Too few batches in a fifth of the way for an interval, so none was made.
            assert!(filled.foreseen.fall.is_none());
            continue;
        };
        // Where the budget was crossed, not where the last batch ended.
        let found = ceiling.found.unwrap();
        assert!((found - 102_400.0 / kib).abs() < 3.0, "{found}");
        assert!(ceiling.relative_error().unwrap().abs() < 0.1, "{ceiling:?}");
        assert!(filled.predictions.iter().any(|one| matches!(one.what, What::Start { .. })), "{kib}");
    }
    assert!(!figures.filled[0].predictions.is_empty());
}

#[test]
fn a_prediction_knows_nothing_of_what_came_after_it() {
    let density = example::with_density().density.unwrap();
    let mut fill = density.fills[0].clone();
    let at = fill.predicted_at.unwrap();
    let ceiling = |fill: &Fill| predictions(fill, &Foreseen::of(fill, 1), 100 << 20, None)[0];
    let with_all = ceiling(&fill);
    fill.points.retain(|point| point.instances <= at);
    let before = ceiling(&fill);
    assert_eq!((before.value, before.interval), (with_all.value, with_all.interval));
    assert_eq!((before.found, with_all.found.is_some()), (None, true));
}

#[test]
fn a_burst_with_something_wrong_counts_in_no_rate() {
    let mut file = example::with_density();
    let density = file.density.as_mut().unwrap();
    density.fills.clear();
    let first = density.bursts.iter_mut().find(|burst| burst.stack == Stack::Container).unwrap();
    let at_once = first.at_once;
    first.wrong.push("instance 9 ended too early".into());
    let figures = Figures::of(density, &file.host, 1);
    let rate = figures.rate(Stack::Container, at_once).unwrap();
    assert_eq!((rate.sample.values().len(), rate.interval), (5, None));
    // 100 in 300 ms one at a time, in half of that two at a time; its floor takes 170.
    let two = figures.rate(Stack::Container, 2).unwrap();
    assert!((600.0..680.0).contains(&two.sample.median()), "{:?}", two.sample);
    assert!((0.5..0.64).contains(&two.of_floor.unwrap().value));
}
