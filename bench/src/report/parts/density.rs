//! Density on the page: rows for what was held, what was foretold and how quickly, and what that says in sentences.

use crate::chart::{self, Circumstances};
use crate::density::figures::{Figures, Filled, Prediction, Rate, Verdict, is_emulated, quantity, subject};
use crate::density::section::Density;
use crate::host::{EMULATED, Host};
use crate::report::csv;
use crate::report::drawing::Drawing;
use crate::report::sentences::{listed, noun};
use crate::samples::SamplesFile;
use crate::stats::{Interval, line, show};
use isolab_timeline::Stack;
use minijinja::{Value, context};

/// Density as a report shows it.
#[derive(Clone, Debug)]
pub(in crate::report) struct Shown {
    /// The chart.
    pub(in crate::report) drawing: Drawing,
    /// The values of `density.html.j2`.
    pub(in crate::report) values: Value,
    /// How many, in one sentence.
    pub(in crate::report) headline: Option<String>,
    /// For the head of the page.
    pub(in crate::report) sentences: Vec<String>,
}

impl Shown {
    /// All of it, where density was measured and anything came of it.
    pub(in crate::report) fn of(file: &SamplesFile, of: Circumstances<'_>) -> Option<Shown> {
        let density = file.density.as_ref()?;
        let figures = Figures::of(density, &file.host, file.seed);
        let any = !figures.filled.is_empty() || !figures.rates.is_empty();
        any.then(|| {
            // Not that of the starts, if there were any.
            let of = Circumstances { workload: "wait", ..of };
            let svg = chart::density::draw(density, &figures, &file.host, of);
            Shown {
                drawing: Drawing { name: "density", svg, csv: table(density) },
                values: values(file, density, &figures),
                headline: headline(&figures),
                sentences: sentences(&figures),
            }
        })
    }
}

fn values(file: &SamplesFile, density: &Density, figures: &Figures<'_>) -> Value {
    let mib = |bytes: u64| show::thousands((bytes >> 20) as usize);
    let foretold = figures.filled.iter().flat_map(|filled| {
        filled.predictions.iter().map(|prediction| foretold(filled.fill.stack, prediction))
    });
    let mut stacks: Vec<_> = figures.rates.iter().map(|rate| rate.stack).collect();
    stacks.dedup();
    let emulated = density.stacks().iter().any(|&stack| is_emulated(stack, &file.host));
    context! {
        unit => file.host.clock.unit(),
        held => figures.filled.iter().map(|filled| held(filled, &file.host)).collect::<Vec<_>>(),
        method => line::method(),
        foretold => foretold.collect::<Vec<_>>(),
        levels => figures.levels(),
        rates => stacks.into_iter().map(|stack| rates(figures, stack, &file.host)).collect::<Vec<_>>(),
        emulated => emulated.then_some(EMULATED),
        placement => density.placement.clone(),
        budget => mib(density.budget_bytes),
        reserve => mib(density.reserve_bytes),
        net => density.net_bytes.map(mib),
        at_once => density.at_once,
        wrong => density.wrong().map(|(stack, why)| context! { name => stack.name(), why }).collect::<Vec<_>>(),
    }
}

fn between(interval: Option<Interval>, number: impl Fn(f64) -> String) -> String {
    interval.map_or(show::NONE.into(), |ends| format!("{} to {}", number(ends.low), number(ends.high)))
}

fn held(filled: &Filled<'_>, host: &Host) -> Value {
    let Filled { fill, bytes, start_ms, .. } = filled;
    let precise = |ms: f64| format!("{ms:.5}");
    context! {
        name => fill.stack.name(),
        floor => fill.stack.is_floor(),
        emulated => is_emulated(fill.stack, host),
        instances => show::thousands(fill.launches.len()),
        each => bytes.map_or(show::NONE.into(), |bytes| show::kib(bytes.value)),
        each_interval => show::interval_kib(bytes.and_then(|bytes| bytes.interval)),
        per_gib => filled.per_gib().map_or(show::NONE.into(), |many| show::thousands(many.round() as usize)),
        start => fill.starts().last().map_or(show::NONE.into(), |&(_, ns)| show::ms(ns / 1e6)),
        slower => start_ms.map_or(show::NONE.into(), |slope| precise(slope.value)),
        slower_interval => between(start_ms.and_then(|slope| slope.interval), precise),
        ended => format!("{:.2}", fill.ended_ns as f64 / 1e9),
        stopped => fill.stopped.words(),
        why => fill.why.clone(),
    }
}

fn foretold(stack: Stack, prediction: &Prediction) -> Value {
    let number = |value: f64| quantity(prediction.what, value);
    context! {
        name => stack.name(),
        what => subject(prediction.what),
        value => number(prediction.value),
        interval => between(Some(prediction.interval), number),
        found => prediction.found.map_or(show::NONE.into(), number),
        error => prediction.relative_error().map_or(show::NONE.into(), |error| format!("{:+.1} %", 100.0 * error)),
        score => prediction.interval_score().map_or(show::NONE.into(), number),
        verdict => prediction.verdict().name(),
    }
}

fn rates(figures: &Figures<'_>, stack: Stack, host: &Host) -> Value {
    let whole = |rate: f64| format!("{rate:.0}");
    let cell = |rate: Option<&Rate>| {
        context! {
            rate => rate.map_or(show::NONE.into(), |rate| whole(rate.sample.median())),
            interval => between(rate.and_then(|rate| rate.interval), whole),
            times => rate.and_then(|rate| rate.of_floor).map(|ratio| show::factor(ratio.value)),
            emulated => rate.is_some() && is_emulated(stack, host),
        }
    };
    let cells = figures.levels().into_iter().map(|level| cell(figures.rate(stack, level)));
    context! { name => stack.name(), floor => stack.is_floor(), cells => cells.collect::<Vec<_>>() }
}

/// Every reading of memory while the number grew, with how long its batch took to start; then every burst.
fn table(density: &Density) -> String {
    let fills = density.fills.iter().flat_map(|fill| {
        let starts =
            fill.starts().into_iter().map(|(_, ns)| ns.to_string()).chain(std::iter::repeat(String::new()));
        let falls = fill.falls().skip(1).zip(starts);
        falls.map(move |((instances, bytes), start_ns)| {
            vec![
                fill.stack.to_string(),
                "fill".into(),
                density.at_once.to_string(),
                instances.to_string(),
                bytes.to_string(),
                start_ns,
                String::new(),
            ]
        })
    });
    let bursts = density.bursts.iter().map(|burst| {
        let numbers = [
            burst.at_once.to_string(),
            burst.instances.to_string(),
            String::new(),
            String::new(),
            burst.took_ns.to_string(),
        ];
        [&[burst.stack.to_string(), "burst".into()][..], &numbers].concat()
    });
    let head = ["stack", "what", "at_once", "instances", "fall_bytes", "start_p50_ns", "took_ns"];
    csv::table(&head, fills.chain(bursts))
}

/// How many of each stack that is no floor a GiB holds.
fn headline(figures: &Figures<'_>) -> Option<String> {
    let ours = figures.filled.iter().filter(|filled| !filled.fill.stack.is_floor());
    let many = |filled: &Filled<'_>| {
        let many = show::thousands(filled.per_gib()?.round() as usize);
        Some(format!("{many} times {}", noun(filled.fill.stack)))
    };
    let said: Vec<_> = ours.filter_map(many).collect();
    (!said.is_empty()).then(|| format!("A GiB of memory holds, idle, {}.", listed(&said)))
}

/// One sentence for each stack that is no floor, and one for the predictions.
fn sentences(figures: &Figures<'_>) -> Vec<String> {
    let of_stack = |filled: &Filled<'_>| {
        let bytes = filled.bytes.filter(|_| !filled.fill.stack.is_floor())?;
        let interval = bytes.interval.map_or_else(
            || "too few batches for an interval".into(),
            |_| format!("95 % interval {}", show::interval_kib(bytes.interval)),
        );
        let many = filled
            .per_gib()
            .map_or_else(|| "an unknown number".into(), |many| show::thousands(many.round() as usize));
        Some(format!(
            "One more {} takes {} KiB of memory ({interval}): a GiB holds {many}; {} were alive at once.",
            noun(filled.fill.stack).trim_start_matches("a "),
            show::kib(bytes.value),
            show::thousands(filled.fill.launches.len()),
        ))
    };
    figures.filled.iter().filter_map(of_stack).chain(score(figures)).collect()
}

fn score(figures: &Figures<'_>) -> Option<String> {
    let verdicts: Vec<_> = figures
        .filled
        .iter()
        .flat_map(|filled| filled.predictions.iter().filter(|prediction| prediction.found.is_some()))
        .map(Prediction::verdict)
        .collect();
    let count = |verdict: Verdict| verdicts.iter().filter(|&&one| one == verdict).count();
    (!verdicts.is_empty()).then(|| {
        format!(
            "Of {} predictions that a fifth of the way made, {} held, {} missed, and {} were too wide to tell.",
            verdicts.len(),
            count(Verdict::Held),
            count(Verdict::Missed),
            count(Verdict::Inconclusive)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    const OF: Circumstances<'_> = Circumstances { workload: "wait", host: "Some CPU" };

    #[test]
    fn a_sentence_gives_memory_and_number_and_the_score_counts_every_verdict() {
        let said = Shown::of(&example::with_density(), OF).unwrap().sentences;
        let headline = Shown::of(&example::with_density(), OF).unwrap().headline.unwrap();
        assert!(headline.contains(" times a container and ") && !headline.contains("floor"), "{headline}");
        assert!(said[0].starts_with("One more container takes 300 KiB"), "{said:#?}");
        assert!(!said.iter().any(|sentence| sentence.contains("floor")), "{said:#?}");
        assert!(said.last().unwrap().contains("predictions that a fifth of the way made"), "{said:#?}");
        assert!(Shown::of(&example::run(), OF).is_none());
    }

    #[test]
    fn ratios_are_none_where_kvm_emulates() {
        let mut file = example::with_density();
        // Only the rates are of concern.
        file.density.as_mut().unwrap().fills.clear();
        let ratio = |file: &SamplesFile| {
            let figures = Figures::of(file.density.as_ref().unwrap(), &file.host, file.seed);
            figures.rate(Stack::Unikernel, 2).unwrap().of_floor
        };
        assert!(ratio(&file).is_some());
        file.host.guest_kernel = "emulated".into();
        assert!(ratio(&file).is_none());
    }
}
