//! For services that follow a project from commit to commit: one figure a stack and clock, the median, with the ends of
//! its interval.
//!
//! Such a series compares runs of different days and often of different machines; `isolab gate` does not. It is good for
//! a picture, not for a verdict.

use crate::samples::SamplesFile;
use crate::stats::{Clock, Figure, Summary, show};
use serde_json::{Map, Value, json};

const NS_PER_MS: f64 = 1e6;

/// Bencher's metric format: benchmark → measure → value, lower and upper value. Latency is in nanoseconds there.
pub fn bmf(file: &SamplesFile) -> Value {
    let mut all = Map::new();
    each(file, |name, figure| {
        let mut latency = json!({ "value": figure.p50() * NS_PER_MS });
        if let Some(ends) = figure.interval {
            latency["lower_value"] = (ends.low * NS_PER_MS).into();
            latency["upper_value"] = (ends.high * NS_PER_MS).into();
        }
        all.insert(name, json!({ "latency": latency }));
    });
    Value::Object(all)
}

/// The input of github-action-benchmark's tool `customSmallerIsBetter`.
pub fn github(file: &SamplesFile) -> Value {
    let mut all = Vec::new();
    each(file, |name, figure| {
        let mut entry = json!({
            "name": name,
            "unit": file.host.clock.unit(),
            "value": figure.p50(),
            "extra": format!("n = {}; p95 {}; {}", figure.n(), show::ms(figure.p95()), file.host.caption()),
        });
        if let Some(ends) = figure.interval {
            entry["range"] = format!("{} to {}", show::ms(ends.low), show::ms(ends.high)).into();
        }
        all.push(entry);
    });
    Value::Array(all)
}

/// Every stack and clock: "container/begin" and its figure.
fn each(file: &SamplesFile, mut with: impl FnMut(String, &Figure)) {
    for stack in &Summary::of(file).stacks {
        for clock in Clock::ALL {
            let Some(figure) = stack.clock(clock) else { continue };
            with(name(stack.stack, clock), figure);
        }
    }
}

/// "container/begin".
pub(super) fn name(stack: isolab_timeline::Stack, clock: Clock) -> String {
    format!("{stack}/{}", format!("{:?}", clock.mark()).to_lowercase())
}
