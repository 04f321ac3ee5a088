//! The page's part on peers: the chart of them beside ours, and which program of whose each is.

use crate::chart::{self, Circumstances};
use crate::report::csv::{self, number};
use crate::report::drawing::Drawing;
use crate::samples::SamplesFile;
use crate::stats::{Clock, Summary};
use minijinja::{Value, context};

/// The chart, where a peer was measured.
pub(in crate::report) fn drawing(summary: &Summary, of: Circumstances<'_>) -> Option<Drawing> {
    let svg = chart::peers::draw(summary, of)?;
    let rows = summary.stacks.iter().filter_map(|stack| {
        let figure = stack.clock(Clock::Begin)?;
        let ends = figure.interval;
        let beside = stack.stack.beside().unwrap_or(stack.stack);
        let numbers = [
            Some(figure.p50()),
            ends.map(|ends| ends.low),
            ends.map(|ends| ends.high),
            Some(figure.sample.quantile(0.05)),
            Some(figure.p95()),
        ];
        let who = [stack.stack.to_string(), beside.to_string(), figure.n().to_string()];
        Some([&who[..], &numbers.map(number)].concat())
    });
    let head = ["stack", "beside", "n", "p50_ms", "low_ms", "high_ms", "p5_ms", "p95_ms"];
    Some(Drawing { name: "peers", svg, csv: csv::table(&head, rows) })
}

/// What fills `peers.html.j2`; nothing where no peer was measured.
pub(in crate::report) fn values(file: &SamplesFile, summary: &Summary) -> Option<Value> {
    summary.stacks.iter().find(|stack| stack.stack.is_peer())?;
    let records = file.peers.iter().map(|(stack, peer)| {
        context! { name => stack.name(), version => peer.version.clone(), command => peer.command.join(" ") }
    });
    Some(context! { records => records.collect::<Vec<_>>() })
}
