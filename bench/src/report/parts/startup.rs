//! The charts of the start-up: a curve for each clock, the steps of one launch, the phases of all, and their order.

use crate::chart::{self, Circumstances};
use crate::report::csv::{self, number};
use crate::report::drawing::Drawing;
use crate::report::ranking;
use crate::samples::{SamplesFile, ms};
use crate::stats::{Clock, Figure, Summary};
use isolab_timeline::Phase;
use minijinja::{Value, context};

/// The name of each clock's chart.
const fn name(clock: Clock) -> &'static str {
    match clock {
        Clock::Begin => "ecdf",
        Clock::Ready => "ecdf-ready",
        Clock::End => "ecdf-end",
        Clock::Reaped => "ecdf-reaped",
        Clock::Work => "ecdf-work",
        Clock::Teardown => "ecdf-teardown",
    }
}

/// All charts of the start-up; none when no launch counts.
pub(in crate::report) fn drawings(
    file: &SamplesFile,
    summary: &Summary,
    of: Circumstances<'_>,
) -> Vec<Drawing> {
    if summary.stacks.is_empty() {
        return Vec::new();
    }
    let curves = measured(summary).map(|clock| Drawing {
        name: name(clock),
        svg: chart::ecdf::draw(summary, clock, of),
        csv: launches(file, clock),
    });
    let typical = chart::waterfall::launches(file);
    let waterfall = Drawing {
        name: "waterfall",
        svg: chart::waterfall::draw(&typical, file, of),
        csv: csv::table(
            &["stack", "order", "phase", "from_ms", "to_ms"],
            typical.iter().flat_map(|launch| {
                launch.steps.iter().map(move |step| {
                    let whose =
                        [launch.stack.to_string(), launch.order.to_string(), step.phase.name().into()];
                    [&whose[..], &[step.from.to_string(), step.to.to_string()]].concat()
                })
            }),
        ),
    };
    let phases = Drawing { name: "phases", svg: chart::phases::draw(summary, of), csv: phases(summary) };
    let order =
        Drawing { name: "order", svg: chart::order::draw(file, of), csv: launches(file, Clock::Begin) };
    curves.chain([waterfall, phases, order]).collect()
}

/// The clocks that stopped for some launch.
fn measured(summary: &Summary) -> impl Iterator<Item = Clock> {
    Clock::ALL.into_iter().filter(|&clock| summary.stacks.iter().any(|stack| stack.clock(clock).is_some()))
}

/// The choice of clocks on the page: for each its name, its chart, and its ranking.
pub(in crate::report) fn clocks(summary: &Summary) -> Vec<Value> {
    measured(summary)
        .map(|clock| context! { id => name(clock), name => clock.name(), ranking => ranking::line(summary, clock) })
        .collect()
}

/// A row for each launch that counts and that this clock stopped for.
fn launches(file: &SamplesFile, clock: Clock) -> String {
    let rows = file.stacks().flat_map(|stack| {
        file.counted(stack).filter_map(move |sample| {
            let span = ms(clock.span(&sample.marks_ns)?);
            Some(vec![stack.to_string(), sample.order.to_string(), span.to_string()])
        })
    });
    csv::table(&["stack", "order", "span_ms"], rows)
}

fn phases(summary: &Summary) -> String {
    let row = |stack: String, phase: Phase, figure: &Figure| {
        let ends = figure.interval;
        let [low, high] = [ends.map(|ends| ends.low), ends.map(|ends| ends.high)].map(number);
        vec![stack, phase.name().into(), figure.n().to_string(), figure.p50().to_string(), low, high]
    };
    let rows = summary.stacks.iter().flat_map(|stack| {
        let of_phase = move |phase| Some(row(stack.stack.to_string(), phase, stack.phase(phase)?));
        Phase::ALL.into_iter().filter_map(of_phase)
    });
    csv::table(&["stack", "phase", "n", "p50_ms", "low_ms", "high_ms"], rows)
}
