//! criterion's folder: for each stack and clock `isolab_CLOCK/STACK/BASELINE/` with what criterion keeps of a benchmark.
//!
//! ```text
//! benchmark.json   how it is called
//! sample.json      iterations and nanoseconds of each sample: here one launch each
//! estimates.json   mean, median, standard deviation and median absolute deviation, with bootstrap intervals
//! ```
//! critcmp reads it as the baseline "isolab", and lays it beside those of `cargo bench -- --save-baseline`. The layout is
//! criterion 0.8's, which its documentation calls private; cargo-criterion and critcmp rely on it all the same.

use crate::samples::SamplesFile;
use crate::stats::{Clock, Sorted, bootstrap};
use isolab_timeline::Stack;
use serde_json::{Value, json};

/// The baseline's name.
const BASELINE: &str = "isolab";
/// Resamples of each estimate.
const RESAMPLES: usize = 1_000;

/// All files, each with its place below `target/criterion`.
pub fn files(file: &SamplesFile) -> Vec<(String, Vec<u8>)> {
    let mut random = fastrand::Rng::with_seed(file.seed);
    let mut files = Vec::new();
    for stack in file.stacks() {
        for clock in Clock::ALL {
            let spans = file.counted(stack).filter_map(|sample| clock.span(&sample.marks_ns));
            let times: Vec<f64> = spans.map(|span| span as f64).collect();
            // Nothing to compare: what is under the null probe can be 0 in every launch, and critcmp divides by it.
            if times.iter().all(|&time| time == 0.0) {
                continue;
            }
            let (group, folder) = names(stack, clock);
            let sample = json!({ "sampling_mode": "Flat", "iters": vec![1.0; times.len()], "times": times });
            for (name, value) in [
                ("benchmark.json", benchmark(&group, stack, &folder)),
                ("sample.json", sample),
                ("estimates.json", estimates(&times, &mut random)),
            ] {
                files.push((format!("{folder}/{BASELINE}/{name}"), super::json(&value)));
            }
        }
    }
    files
}

/// The benchmark's group and its folder.
fn names(stack: Stack, clock: Clock) -> (String, String) {
    let group = format!("isolab_{}", clock.word());
    let folder = format!("{group}/{stack}");
    (group, folder)
}

fn benchmark(group: &str, stack: Stack, folder: &str) -> Value {
    json!({
        "group_id": group,
        "function_id": stack.name(),
        "value_str": null,
        "throughput": null,
        "full_id": folder,
        "directory_name": folder,
        "title": folder,
    })
}

fn estimates(times: &[f64], random: &mut fastrand::Rng) -> Value {
    json!({
        "mean": estimate(times, mean, random),
        "median": estimate(times, median, random),
        "median_abs_dev": estimate(times, absolute_deviation, random),
        "slope": null,
        "std_dev": estimate(times, deviation, random),
    })
}

/// A figure of the sample with its standard error and interval, by the bootstrap.
fn estimate(times: &[f64], of: fn(&[f64]) -> f64, random: &mut fastrand::Rng) -> Value {
    let mut drawn = vec![0.0; times.len()];
    let figures: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            drawn.fill_with(|| times[random.usize(..times.len())]);
            of(&drawn)
        })
        .collect();
    let tail = (1.0 - bootstrap::CONFIDENCE) / 2.0;
    let error = deviation(&figures);
    let sorted = Sorted::new(figures).expect("there are resamples");
    json!({
        "confidence_interval": {
            "confidence_level": bootstrap::CONFIDENCE,
            "lower_bound": sorted.quantile(tail),
            "upper_bound": sorted.quantile(1.0 - tail),
        },
        "point_estimate": of(times),
        "standard_error": error,
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    Sorted::new(values.iter().copied()).map_or(0.0, |sorted| sorted.median())
}

/// Scaled so that it estimates the standard deviation of a normal distribution, as criterion does.
fn absolute_deviation(values: &[f64]) -> f64 {
    let middle = median(values);
    1.4826 * median(&values.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>())
}

/// Zero for one value.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len().max(2) - 1) as f64).sqrt()
}
