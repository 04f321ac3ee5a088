//! Whether a file can be what a run wrote: what no schema can say, since it is about several fields at once.
//!
//! Somebody who edits a file by hand, or puts two together, gets the first thing that does not fit, in words. It is no
//! seal: who knows this list can make a file that passes.

use super::SamplesFile;
use isolab_timeline::{Mark, Sample, Stack};
use std::collections::BTreeMap;

/// The first thing in `file` that no run writes.
pub(super) fn flaw(file: &SamplesFile) -> Option<String> {
    order(&file.samples).or_else(|| file.samples.iter().find_map(launch)).or_else(|| numbers(file)).or_else(
        || {
            let also = |stack: Stack| file.samples.iter().any(|sample| sample.stack == stack);
            let both = file.unavailable.iter().find(|entry| also(entry.stack))?;
            Some(format!("{} is said to be unavailable, yet there are launches of it", both.stack))
        },
    )
}

/// Launches stand in the order in which they were made, each once.
fn order(samples: &[Sample]) -> Option<String> {
    let wrong = samples.windows(2).find(|pair| pair[1].order <= pair[0].order)?;
    let (before, after) = (wrong[0].order, wrong[1].order);
    Some(if before == after {
        format!("launch {after} is there twice")
    } else {
        format!("launch {after} comes after launch {before}")
    })
}

/// A launch that counts has all of its marks, in order, and ended well.
fn launch(sample: &Sample) -> Option<String> {
    let Sample { stack, order, marks_ns, exit, .. } = sample;
    let of = |what: String| Some(format!("launch {order}, of {stack}, {what}"));
    if marks_ns.get(Mark::Spawn) != Some(0) {
        return of("does not begin at its spawn".into());
    }
    if sample.invalid.is_some() {
        return None;
    }
    if let Some((from, to)) = marks_ns.backwards() {
        return of(format!("has a negative span, from {from:?} to {to:?}, and is not marked as invalid"));
    }
    if let Some(mark) = [Mark::Begin, Mark::Ready, Mark::End, Mark::Reaped]
        .into_iter()
        .find(|&mark| marks_ns.get(mark).is_none())
    {
        return of(format!("has no mark {mark:?} and is not marked as invalid"));
    }
    (exit.status != 0)
        .then(|| of(format!("ended with status {} and is not marked as invalid", exit.status)))?
}

/// Each stack has its warm-up first, as many launches as the file says, and all stacks have as many launches.
fn numbers(file: &SamplesFile) -> Option<String> {
    let mut launches: BTreeMap<Stack, Vec<bool>> = BTreeMap::new();
    for sample in &file.samples {
        launches.entry(sample.stack).or_default().push(sample.warmup);
    }
    for (stack, warm) in &launches {
        let expected = file.warmup.min(warm.len());
        if warm.iter().filter(|&&warm| warm).count() != expected || !warm[..expected].iter().all(|&warm| warm)
        {
            return Some(format!(
                "{stack} should have {} launches of warm-up, and those first; it does not",
                file.warmup
            ));
        }
    }
    // A run that was interrupted ended within a round.
    let missing = usize::from(file.partial.is_some());
    let most = launches.values().map(Vec::len).max()?;
    let (stack, few) = launches.iter().find(|(_, of_stack)| of_stack.len() + missing < most)?;
    Some(format!("{stack} has {} launches where others have {most}: each round launches all", few.len()))
}
