//! hyperfine's `--export-json`: one result a stack, from the spawn until all is reaped, which is what hyperfine times.

use crate::samples::SamplesFile;
use crate::stats::Sorted;
use isolab_timeline::{Mark, Stack};
use serde_json::{Value, json};

/// The whole file's results.
pub fn of(file: &SamplesFile) -> Value {
    json!({ "results": file.stacks().filter_map(|stack| result(file, stack)).collect::<Vec<_>>() })
}

fn result(file: &SamplesFile, stack: Stack) -> Option<Value> {
    let times: Vec<f64> = file.spans_ms(stack, Mark::Spawn, Mark::Reaped).map(|ms| ms / 1e3).collect();
    let sorted = Sorted::new(times.iter().copied())?;
    let n = times.len() as f64;
    let mean = times.iter().sum::<f64>() / n;
    let squares: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
    let seconds = |of: fn(&isolab_timeline::Outcome) -> u64| {
        file.counted(stack).map(|sample| of(&sample.exit) as f64 / 1e6).sum::<f64>() / n
    };
    Some(json!({
        "command": stack.name(),
        "mean": mean,
        // As hyperfine does: of one run there is none.
        "stddev": (times.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
        "median": sorted.median(),
        "user": seconds(|exit| exit.user_us),
        "system": seconds(|exit| exit.system_us),
        "min": sorted.min(),
        "max": sorted.max(),
        "times": times,
        "exit_codes": file.counted(stack).map(|sample| sample.exit.status).collect::<Vec<_>>(),
    }))
}
