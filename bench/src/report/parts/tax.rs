//! The tax on the page: a row for each price, and what the prices say in a sentence for each stack.

use crate::chart;
use crate::host::Host;
use crate::report::csv::{self, number};
use crate::report::drawing::Drawing;
use crate::report::sentences::{listed, noun};
use crate::samples::SamplesFile;
use crate::stats::{bootstrap, show};
use crate::tax::Work;
use crate::tax::figures::{Price, Prices};
use crate::tax::table::ns;
use isolab_timeline::Stack;
use minijinja::{Value, context};

/// The prices of a run, where it measured them.
pub(in crate::report) fn prices(file: &SamplesFile) -> Option<Prices> {
    file.tax.as_ref().map(|tax| Prices::of(tax, &file.host, file.seed))
}

/// The chart.
pub(in crate::report) fn drawing(prices: &Prices, host: &Host) -> Drawing {
    let rows = prices.iter().map(|price| {
        let ends = price.ns.interval;
        let numbers = [
            Some(price.ns.p50()),
            ends.map(|ends| ends.low),
            ends.map(|ends| ends.high),
            Some(price.faults),
            Some(price.switches),
            price.exits,
        ];
        let what = [price.work.name().into(), price.stack.to_string(), price.emulated.to_string()];
        [&what[..], &[price.ns.n().to_string()], &numbers.map(number)].concat()
    });
    let head =
        ["work", "stack", "emulated", "n", "p50_ns", "low_ns", "high_ns", "faults", "switches", "exits"];
    let csv = csv::table(&head, rows);
    Drawing { name: "tax", svg: chart::tax::draw(prices, host), csv }
}

/// The values of `tax.html.j2`.
pub(in crate::report) fn values(file: &SamplesFile, prices: Option<&Prices>) -> Option<Value> {
    let (tax, prices) = (file.tax.as_ref()?, prices?);
    let absent = tax.absent.iter().map(|absent| {
        context! { name => absent.stack.name(), work => absent.work.name(), why => absent.reason.clone() }
    });
    let failed = tax.launches.iter().filter_map(|launch| {
        let why = launch.invalid.clone()?;
        Some(context! { name => launch.stack.name(), work => launch.workload.to_string(), why })
    });
    Some(context! {
        sentences => sentences(prices, &file.host),
        unit => file.host.clock.nanoseconds(),
        rows => prices.iter().map(|price| row(prices, price)).collect::<Vec<_>>(),
        emulated => prices.iter().any(|price| price.emulated).then_some(crate::host::EMULATED),
        absent => absent.collect::<Vec<_>>(),
        failed => failed.collect::<Vec<_>>(),
        rounds => prices.iter().map(|price| price.ns.n()).max().unwrap_or(0),
        warmup => tax.warmup,
    })
}

fn row(prices: &Prices, price: &Price) -> Value {
    let ratio = prices.ratio(price);
    context! {
        work => price.work.name(),
        operation => price.work.operation(),
        first => prices.of_work(price.work).next().is_some_and(|first| first.stack == price.stack),
        name => price.stack.name(),
        emulated => price.emulated,
        n => price.ns.n(),
        ns => ns(price.ns.p50()),
        interval => interval(price),
        ratio => show::ratio(ratio),
        ratio_interval => show::ratio_interval(ratio),
        faults => per_operation(Some(price.faults)),
        switches => per_operation(Some(price.switches)),
        exits => per_operation(price.exits),
    }
}

fn interval(price: &Price) -> String {
    price.ns.interval.map_or(show::NONE.into(), |ends| format!("{} to {}", ns(ends.low), ns(ends.high)))
}

/// A count an operation. A launch has a fault or a switch more than another now and then: by thousands of operations
/// that is nothing.
fn per_operation(count: Option<f64>) -> String {
    match count {
        Some(count) if count.abs() < 0.005 => "0".into(),
        Some(count) => format!("{count:.2}"),
        None => show::NONE.into(),
    }
}

/// One sentence for each stack: what costs more than in a bare process, and where this run sees no difference; and one
/// for the two borders.
pub(in crate::report) fn sentences(prices: &Prices, host: &Host) -> Vec<String> {
    let stacks = prices.stacks().into_iter().filter(|stack| !matches!(stack, Stack::Process));
    stacks.filter_map(|stack| of_stack(prices, stack)).chain(borders(prices, host)).collect()
}

fn of_stack(prices: &Prices, stack: Stack) -> Option<String> {
    let mut differs = Vec::new();
    let mut same = Vec::new();
    for (work, ratio) in prices
        .iter()
        .filter(|price| price.stack == stack)
        .filter_map(|price| Some((price.work, prices.ratio(price)?)))
    {
        match ratio.interval {
            // How far apart they could be all the same: the reader sees how sharp the run's eye was.
            Some(ends) if ends.contains(1.0) => {
                same.push(format!("{} ({} times)", work.name(), show::ratio_interval(Some(ratio))));
            }
            Some(_) => differs.push(format!("{} {} times", work.name(), show::factor(ratio.value))),
            None => {}
        }
    }
    let costs = |differs: &[String]| {
        let (whose, base) = (noun(stack), noun(Stack::Process));
        format!("In steady state, {whose}'s work costs, against {base}'s: {}", listed(differs))
    };
    match (differs.is_empty(), same.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!(
            "In steady state, this run cannot tell {}'s work from {}'s: {}.",
            noun(stack),
            noun(Stack::Process),
            listed(&same)
        )),
        (false, true) => Some(format!("{} as much.", costs(&differs))),
        (false, false) => {
            Some(format!("{} as much; no difference can be told for {}.", costs(&differs), listed(&same)))
        }
    }
}

fn borders(prices: &Prices, host: &Host) -> Option<String> {
    let cross = prices.get(Work::Cross, Stack::Unikernel).filter(|price| !price.emulated)?;
    let call = prices.get(Work::Syscall, Stack::Process)?;
    let ratio = cross.ns.ratio(&call.ns)?;
    let unit = host.clock.nanoseconds();
    Some(format!(
        "To leave a VM for its VMM and come back costs {} {unit}, a system call {} {unit}: {} times as much ({}).",
        ns(cross.ns.p50()),
        ns(call.ns.p50()),
        show::factor(ratio.value),
        ratio.interval.map_or_else(
            || format!("fewer than {} rounds, too few for an interval", bootstrap::FEWEST),
            |_| format!("95 % interval {}", show::ratio_interval(Some(ratio)))
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn a_sentence_names_what_costs_more_and_what_is_the_same() {
        let file = example::with_tax();
        let said = sentences(&prices(&file).unwrap(), &file.host);
        let container = said.iter().find(|sentence| sentence.contains("container")).unwrap();
        assert!(container.contains("file reads 1.50 times"), "{container}");
        assert!(container.contains("no difference can be told for"), "{container}");
        assert!(said.iter().any(|sentence| sentence.contains("19.0 times as much (95 %")), "{said:#?}");
    }

    #[test]
    fn nothing_is_said_of_what_kvm_emulates() {
        let mut file = example::with_tax();
        file.host.guest_kernel = "emulated".into();
        let said = sentences(&prices(&file).unwrap(), &file.host);
        assert!(
            !said.iter().any(|sentence| sentence.contains("VMM") || sentence.contains("touch of memory 9")),
            "{said:#?}"
        );
        assert!(
            said.iter().any(|sentence| sentence.contains("unikernel")),
            "its integer work is native: {said:#?}"
        );
    }
}
