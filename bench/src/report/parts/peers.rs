//! The page's part on peers: the chart of them beside ours, and which program of whose each is.

use crate::chart::{self, Circumstances};
use crate::samples::SamplesFile;
use crate::stats::Summary;
use minijinja::{Value, context};

/// What fills `peers.html.j2`; nothing where no peer was measured.
pub(in crate::report) fn values(file: &SamplesFile, summary: &Summary, of: Circumstances<'_>) -> Value {
    let Some(chart) = chart::peers::draw(summary, of) else { return Value::from(()) };
    let records = file.peers.iter().map(|(stack, peer)| {
        context! { name => stack.name(), version => peer.version.clone(), command => peer.command.join(" ") }
    });
    context! { chart => Value::from_safe_string(chart), records => records.collect::<Vec<_>>() }
}
