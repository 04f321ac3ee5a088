//! Density on the page: rows for what was held, what was foretold and how quickly, and what that says in sentences.

use crate::chart::{self, Circumstances};
use crate::density::figures::{Figures, Filled, Prediction, Rate, Verdict, quantity, subject};
use crate::density::section::Density;
use crate::host::{EMULATED, Host};
use crate::report::answers::Answer;
use crate::report::csv;
use crate::report::drawing::Drawing;
use crate::report::sentences::{listed, noun, nouns};
use crate::samples::SamplesFile;
use crate::stats::{Interval, line, show};
use isolab_timeline::Stack;
use minijinja::{Value, context};

/// The figures of a run, where density was measured and anything came of it.
pub(in crate::report) fn of(file: &SamplesFile) -> Option<Figures<'_>> {
    let figures = Figures::of(file.density.as_ref()?, &file.host, file.seed);
    (!figures.filled.is_empty() || !figures.rates.is_empty()).then_some(figures)
}

/// The chart.
pub(in crate::report) fn drawing(
    file: &SamplesFile,
    figures: Option<&Figures<'_>>,
    of: Circumstances<'_>,
) -> Option<Drawing> {
    let (density, figures) = (file.density.as_ref()?, figures?);
    // Not that of the starts, if there were any.
    let of = Circumstances { workload: "wait", ..of };
    let svg = chart::density::draw(density, figures, &file.host, of);
    Some(Drawing { name: "density", svg, csv: table(density) })
}

/// The values of `density.html.j2`.
pub(in crate::report) fn values(file: &SamplesFile, figures: Option<&Figures<'_>>) -> Option<Value> {
    let (density, figures) = (file.density.as_ref()?, figures?);
    let mib = |bytes: u64| show::thousands((bytes >> 20) as usize);
    let foretold = figures.filled.iter().flat_map(|filled| {
        filled.predictions.iter().map(|prediction| foretold(filled.fill.stack, prediction))
    });
    let mut stacks: Vec<_> = figures.rates.iter().map(|rate| rate.stack).collect();
    stacks.dedup();
    let emulated = density.stacks().iter().any(|&stack| file.host.emulates(stack));
    Some(context! {
        sentences => sentences(figures),
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
    })
}

fn between(interval: Option<Interval>, number: impl Fn(f64) -> String) -> String {
    interval.map_or(show::NONE.into(), |ends| format!("{} to {}", number(ends.low), number(ends.high)))
}

fn held(filled: &Filled<'_>, host: &Host) -> Value {
    let Filled { fill, bytes, start_ms, .. } = filled;
    let precise = |ms: f64| show::signed(&format!("{ms:.5}"));
    context! {
        name => fill.stack.name(),
        floor => fill.stack.is_floor(),
        emulated => host.emulates(fill.stack),
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
        error => prediction.relative_error().map_or(show::NONE.into(), |error| show::signed(&format!("{:+.1} %", 100.0 * error))),
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
            emulated => rate.is_some() && host.emulates(stack),
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

/// How many of each stack that is no floor a GiB holds; of one whose interval has no end, that it does not tell.
pub(in crate::report) fn answer(figures: &Figures<'_>) -> Option<Answer> {
    const GIB: f64 = (1_u64 << 30) as f64;
    let number = |bytes: f64| show::thousands((GIB / bytes).round() as usize);
    let (mut many, mut intervals, mut untold) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts = Vec::new();
    for Filled { fill, bytes, .. } in figures.filled.iter().filter(|filled| !filled.fill.stack.is_floor()) {
        let Some(bytes) = bytes else { continue };
        counts.push(fill.launches.len());
        match bytes.interval {
            Some(ends) if ends.low <= 0.0 => untold.push(nouns(fill.stack)),
            _ if bytes.value <= 0.0 => untold.push(nouns(fill.stack)),
            ends => {
                many.push(format!("{} {}", number(bytes.value), nouns(fill.stack)));
                let ends = ends.map(|ends| format!("{} to {}", number(ends.high), number(ends.low)));
                intervals.extend(ends.map(|ends| format!("{ends} {}", nouns(fill.stack))));
            }
        }
    }
    let sentence = match (many.is_empty(), untold.is_empty()) {
        (true, true) => return None,
        (true, false) => {
            format!("This run cannot tell how many idle {} a GiB of memory holds.", listed_or(&untold))
        }
        (false, true) => format!("A GiB of memory holds {}, idle.", listed_or(&many)),
        (false, false) => format!(
            "A GiB of memory holds {}, idle; how many {} this run cannot tell.",
            listed_or(&many),
            listed_or(&untold)
        ),
    };
    let intervals = if intervals.is_empty() {
        "No 95 % interval".into()
    } else {
        format!("95 % intervals: {}", listed(&intervals))
    };
    let n = match (counts.iter().min(), counts.iter().max()) {
        (Some(least), Some(most)) if least < most => {
            format!("{} to {}", show::thousands(*least), show::thousands(*most))
        }
        (least, _) => show::thousands(least.copied().unwrap_or(0)),
    };
    let support = format!("{intervals}; by the fall of MemAvailable while n = {n} were alive at once.");
    Some(Answer::new("How many?", sentence, [support].into_iter().chain(score(figures))))
}

/// `a`, `a or b`, `a, b or c`.
fn listed_or(items: &[String]) -> String {
    listed(items).replace(" and ", " or ")
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

    #[test]
    fn a_sentence_gives_memory_and_number_and_the_score_counts_every_verdict() {
        let file = example::with_density();
        let figures = of(&file).unwrap();
        let said = sentences(&figures);
        assert!(said[0].starts_with("One more container takes 300 KiB"), "{said:#?}");
        assert!(!said.iter().any(|sentence| sentence.contains("floor")), "{said:#?}");
        assert!(said.last().unwrap().contains("predictions that a fifth of the way made"), "{said:#?}");
        assert!(of(&example::run()).is_none());
        let Answer { sentence: answer, support, .. } = answer(&figures).unwrap();
        assert!(answer.contains(" containers or ") && answer.contains(" unikernels, idle."), "{answer}");
        assert!(
            !answer.contains("floor") && support[0].starts_with("95 % intervals: 3,"),
            "{answer} {support:?}"
        );
    }

    #[test]
    fn what_a_noisy_run_cannot_tell_it_does_not_say() {
        let mut file = example::with_density();
        for fill in
            file.density.as_mut().unwrap().fills.iter_mut().filter(|fill| fill.stack == Stack::Unikernel)
        {
            for (place, point) in fill.points.iter_mut().enumerate() {
                point.available_bytes = 6 << 30;
                point.available_bytes += if place % 2 == 0 { 40 << 20 } else { 0 };
            }
        }
        let told = answer(&of(&file).unwrap()).unwrap().sentence;
        assert!(told.contains(" containers, idle; how many unikernels this run cannot tell."), "{told}");
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
