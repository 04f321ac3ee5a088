//! The ladder on the page: a row for each rung, and what the two walls come to in a sentence each.

use crate::chart;
use crate::host::Host;
use crate::ladder::Wall;
use crate::ladder::figures::{How, Step, Steps};
use crate::ladder::table::interval;
use crate::report::csv::{self, number};
use crate::report::drawing::Drawing;
use crate::report::sentences::listed;
use crate::samples::SamplesFile;
use crate::stats::{Difference, show};
use minijinja::{Value, context};

/// The steps of a run, where it measured them.
pub(in crate::report) fn steps(file: &SamplesFile) -> Option<Steps> {
    file.ladder.as_ref().map(|ladder| Steps::of(ladder, &file.host, file.seed))
}

/// The chart.
pub(in crate::report) fn drawing(steps: &Steps, host: &Host) -> Drawing {
    let rows = steps.iter().map(|step| {
        let what = [
            step.name.into(),
            step.stack.to_string(),
            step.how.name().into(),
            step.aside.to_string(),
            step.emulated.to_string(),
            step.n.to_string(),
        ];
        let teardown = step.teardown.map_or([None; 3], numbers);
        let costs = [&[Some(step.from)][..], &numbers(step.cost), &teardown].concat();
        [&what[..], &costs.into_iter().map(number).collect::<Vec<_>>()].concat()
    });
    let head = [
        "rung",
        "stack",
        "how",
        "aside",
        "emulated",
        "n",
        "from_ms",
        "cost_ms",
        "low_ms",
        "high_ms",
        "teardown_ms",
        "teardown_low_ms",
        "teardown_high_ms",
    ];
    let csv = csv::table(&head, rows);
    Drawing { name: "ladder", svg: chart::ladder::draw(steps, host), csv }
}

/// A difference, and the ends of its interval.
fn numbers(of: Difference) -> [Option<f64>; 3] {
    [Some(of.value), of.interval.map(|ends| ends.low), of.interval.map(|ends| ends.high)]
}

/// The values of `ladder.html.j2`.
pub(in crate::report) fn values(file: &SamplesFile, steps: Option<&Steps>) -> Option<Value> {
    let (ladder, steps) = (file.ladder.as_ref()?, steps?);
    let absent = ladder.absent.iter().map(|absent| {
        context! { name => absent.rung.name(), why => absent.reason.clone(), fix => absent.fix.clone() }
    });
    let failed = ladder
        .launches
        .iter()
        .filter_map(|launch| Some(context! { name => launch.rung.name(), why => launch.invalid.clone()? }));
    Some(context! {
        sentences => sentences(steps, &file.host),
        unit => file.host.clock.unit(),
        launches => steps.launches(),
        warmup => ladder.warmup,
        rows => steps.iter().map(row).collect::<Vec<_>>(),
        emulated => steps.iter().any(|step| step.emulated).then_some(crate::host::EMULATED),
        absent => absent.collect::<Vec<_>>(),
        failed => failed.collect::<Vec<_>>(),
    })
}

fn row(step: &Step) -> Value {
    let teardown =
        |text: &dyn Fn(Difference) -> String| step.teardown.map_or_else(|| show::NONE.into(), text);
    context! {
        name => step.name,
        phase => step.how == How::Phase,
        emulated => step.emulated,
        n => step.n,
        cost => show::more_ms(step.cost.value),
        interval => interval(step.cost),
        up_to => show::ms(step.to()),
        teardown => teardown(&|more| show::more_ms(more.value)),
        teardown_interval => teardown(&interval),
    }
}

/// For each wall which of its rungs cost most, of those that this run can tell from nothing.
pub(in crate::report) fn sentences(steps: &Steps, host: &Host) -> Vec<String> {
    let of_wall = |wall: Wall| {
        let mut dear: Vec<&Step> = steps
            .of_wall(wall)
            .filter(|step| !step.aside && !step.emulated && step.is_told_from_none() && step.cost.value > 0.0)
            .collect();
        dear.sort_by(|a, b| b.cost.value.total_cmp(&a.cost.value));
        let named = |step: &&Step| {
            format!(
                "{} {}",
                step.name.trim_start_matches("+ "),
                show::ms_in_words(step.cost.value, host.clock)
            )
        };
        let dearest: Vec<_> = dear.iter().take(3).map(named).collect();
        (!dearest.is_empty())
            .then(|| format!("{}: the dearest rungs are {}.", wall.title(), listed(&dearest)))
    };
    Wall::ALL.into_iter().filter_map(of_wall).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn the_table_has_a_row_for_each_rung_and_says_what_is_emulated() {
        let mut file = example::with_ladder();
        let csv = |file: &SamplesFile| drawing(&steps(file).unwrap(), &file.host).csv;
        let all = csv(&file);
        assert_eq!(all.lines().count(), 1 + steps(&file).unwrap().iter().count());
        assert!(all.contains("\r\n+ overlay root,container-floor,launches,false,false,12,"), "{all}");
        assert!(all.contains("\r\n+ guest kernel to its init,microvm,phase,false,false,12,"), "{all}");
        file.host.guest_kernel = "emulated".into();
        let emulated: Vec<_> =
            csv(&file).lines().filter(|row| row.contains(",true,12,")).map(String::from).collect();
        assert!(
            emulated.iter().any(|row| row.starts_with("+ run to the first exit,kvm-floor,")),
            "{emulated:?}"
        );
        assert!(!emulated.iter().any(|row| row.starts_with("+ vCPU,")), "{emulated:?}");
        assert!(steps(&example::run()).is_none());
    }

    #[test]
    fn the_dearest_rungs_are_named_and_nothing_that_is_emulated() {
        let mut file = example::with_ladder();
        let said = |file: &SamplesFile| sentences(&steps(file).unwrap(), &file.host);
        let all = said(&file);
        assert!(
            all[0].starts_with("From a bare process to a container: the dearest rungs are overlay root 0.4"),
            "{all:#?}"
        );
        assert_eq!(all.len(), 3);
        file.host.guest_kernel = "emulated".into();
        let native = said(&file);
        assert!(native.len() == 2 && !native.concat().contains("first exit"), "{native:#?}");
    }
}
