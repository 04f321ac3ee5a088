//! The counts on the page: one row a stack, and below it the calls and exits by name.

use crate::counts::section::{ByName, Counted, StackCounts, Traced, Untraced};
use crate::report::sentences::{listed, noun};
use crate::samples::SamplesFile;
use crate::stats::show::{self, thousands};
use isolab_timeline::Stack;
use minijinja::{Value, context};
use std::collections::BTreeSet;

/// The values of `counts.html.j2`.
pub(in crate::report) fn values(file: &SamplesFile) -> Option<Value> {
    let counts = file.counts.as_ref()?;
    let absent = counts.stacks.iter().flat_map(|(stack, of)| {
        of.absent.iter().map(|(what, why)| context! { name => stack.name(), what => what.name(), why })
    });
    Some(context! {
        sentence => sentence(file),
        workload => counts.workload.to_string(),
        launches => crate::counts::LAUNCHES,
        rows => counts.stacks.iter().map(|(stack, of)| row(*stack, of)).collect::<Vec<_>>(),
        tables => counts.stacks.iter().flat_map(|(stack, of)| tables(*stack, of)).collect::<Vec<_>>(),
        absent => absent.collect::<Vec<_>>(),
    })
}

/// How many system calls a launch makes, for the stacks that are something to use.
pub(in crate::report) fn sentence(file: &SamplesFile) -> Option<String> {
    let counts = file.counts.as_ref()?;
    let of_stack = |(stack, of): (&Stack, &StackCounts)| {
        let calls = over(of.traced.iter().map(|launch| launch.syscalls.values().sum()));
        (!of.traced.is_empty() && !stack.is_floor()).then(|| (calls, noun(*stack)))
    };
    let mut said: Vec<String> = Vec::new();
    for (calls, who) in counts.stacks.iter().filter_map(of_stack) {
        let unit = if said.is_empty() { " system calls" } else { "" };
        said.push(format!("{calls}{unit} as {who}"));
    }
    (!said.is_empty()).then(|| format!("To run {} once takes {}.", counts.workload, listed(&said)))
}

fn row(stack: Stack, of: &StackCounts) -> Value {
    let traced = |count: &dyn Fn(&Traced) -> u64| over(of.traced.iter().map(count));
    let usage = |count: &dyn Fn(&Untraced) -> u64| {
        if of.absent.contains_key(&Counted::Usage) {
            show::NONE.into()
        } else {
            over(of.untraced.iter().map(count))
        }
    };
    let total = |named: Option<&ByName>| named.map(|named| named.values().sum::<u64>());
    context! {
        name => stack.name(),
        floor => stack.is_floor(),
        tasks => traced(&|launch| launch.tasks),
        syscalls => traced(&|launch| launch.syscalls.values().sum()),
        ioctls => traced(&|launch| launch.ioctls.values().sum()),
        faults => usage(&|launch| launch.exit.minor_faults + launch.exit.major_faults),
        voluntary => usage(&|launch| launch.exit.voluntary_switches),
        involuntary => usage(&|launch| launch.exit.involuntary_switches),
        exits => over(of.untraced.iter().filter_map(|launch| total(launch.exits.as_ref()))),
        // KVM's name for all that it counted, those that reach the VMM included.
        all_exits => over(of.untraced.iter().filter_map(|launch| launch.statistics.as_ref()?.get("exits").copied())),
    }
}

/// A table for each kind of count that is by name, the most frequent first.
fn tables(stack: Stack, of: &StackCounts) -> Vec<Value> {
    let traced = |pick: fn(&Traced) -> &ByName| of.traced.iter().map(pick).collect::<Vec<_>>();
    let untraced =
        |pick: fn(&Untraced) -> Option<&ByName>| of.untraced.iter().filter_map(pick).collect::<Vec<_>>();
    [
        ("system calls", traced(|launch| &launch.syscalls)),
        ("ioctls", traced(|launch| &launch.ioctls)),
        ("exits to the VMM", untraced(|launch| launch.exits.as_ref())),
        ("counted by KVM", untraced(|launch| launch.statistics.as_ref())),
    ]
    .into_iter()
    .filter_map(|(what, launches)| {
        let names: BTreeSet<&String> = launches.iter().flat_map(|launch| launch.keys()).collect();
        let mut rows: Vec<(Vec<u64>, &String)> = names
            .into_iter()
            .map(|name| {
                (launches.iter().map(|launch| launch.get(name).copied().unwrap_or(0)).collect(), name)
            })
            .filter(|(counts, _): &(Vec<u64>, _)| counts.iter().any(|&count| count > 0))
            .collect();
        rows.sort_by_key(|(counts, name)| (std::cmp::Reverse(counts.iter().max().copied()), *name));
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(counts, name)| context! { name => name.clone(), count => over(counts.into_iter()) })
            .collect();
        (!rows.is_empty()).then(|| context! { stack => stack.name(), what, rows })
    })
    .collect()
}

/// A count over several launches: the number, or from the least to the most where they differ.
fn over(launches: impl Iterator<Item = u64> + Clone) -> String {
    match (launches.clone().min(), launches.max()) {
        (Some(least), Some(most)) if least < most => {
            format!("{} to {}", thousands(least as usize), thousands(most as usize))
        }
        (Some(count), _) => thousands(count as usize),
        (None, _) => show::NONE.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_counts_what_is_to_be_used() {
        let said = sentence(&crate::report::example::run()).unwrap();
        assert!(
            said.starts_with("To run noop once takes 28 to 29 system calls as a bare process, 28 to 29 as "),
            "{said}"
        );
        assert!(!said.contains("floor"), "{said}");
    }

    #[test]
    fn what_differs_between_launches_is_shown_as_a_range() {
        assert_eq!(over([12, 12, 12].into_iter()), "12");
        assert_eq!(over([1_200, 12, 40].into_iter()), "12 to 1,200");
        assert_eq!(over(std::iter::empty()), show::NONE);
    }
}
