//! Density on the terminal.

use super::figures::{Figures, Filled, quantity, subject};
use crate::host::{EMULATED, Host};
use crate::stats::show;
use crate::table::STYLE;
use comfy_table::{CellAlignment, Table};

/// Renders the tables of a run. Ends in a line feed.
pub fn render(figures: &Figures<'_>, host: &Host) -> String {
    let mut parts = Vec::new();
    if !figures.filled.is_empty() {
        parts.push(format!("Instances side by side\n{}\n", held(figures, host)));
    }
    // Few instances foretell nothing.
    if figures.filled.iter().any(|filled| !filled.predictions.is_empty()) {
        parts.push(format!("What a fifth of the way foretold\n{}\n", foretold(figures)));
    }
    if !figures.rates.is_empty() {
        parts.push(format!("Launches a second, so many at a time (× floor)\n{}\n", rates(figures, host)));
    }
    let stacks = figures.filled.iter().map(|filled| filled.fill.stack);
    let emulated =
        stacks.chain(figures.rates.iter().map(|rate| rate.stack)).any(|stack| host.emulates(stack));
    let note = if emulated { format!("(e) {EMULATED}\n") } else { String::new() };
    parts.join("\n") + &note
}

fn held(figures: &Figures<'_>, host: &Host) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_header([
        "stack",
        "N",
        "KiB each",
        "95 % interval",
        "in a GiB",
        "ms at N",
        "stopped",
    ]);
    for filled in &figures.filled {
        let Filled { fill, bytes, .. } = filled;
        let mark = if host.emulates(fill.stack) { " (e)" } else { "" };
        let start = fill.starts().last().map_or(show::NONE.into(), |(_, ns)| show::ms(ns / 1e6));
        table.add_row([
            fill.stack.to_string(),
            show::thousands(fill.launches.len()),
            bytes.map_or(show::NONE.into(), |bytes| show::kib(bytes.value)),
            show::interval_kib(bytes.and_then(|bytes| bytes.interval)),
            filled.per_gib().map_or(show::NONE.into(), |many| show::thousands(many.round() as usize)),
            format!("{start}{mark}"),
            fill.stopped.name().to_owned(),
        ]);
    }
    right(table, 1..6)
}

fn foretold(figures: &Figures<'_>) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(["stack", "", "foretold", "95 % interval", "found", "error", "it"]);
    for Filled { fill, predictions, .. } in &figures.filled {
        for prediction in predictions {
            let number = |value: f64| quantity(prediction.what, value);
            let ends = prediction.interval;
            table.add_row([
                fill.stack.to_string(),
                subject(prediction.what),
                number(prediction.value),
                format!("{} to {}", number(ends.low), number(ends.high)),
                prediction.found.map_or(show::NONE.into(), number),
                prediction
                    .relative_error()
                    .map_or(show::NONE.into(), |error| format!("{:+.1} %", 100.0 * error)),
                prediction.verdict().name().to_owned(),
            ]);
        }
    }
    right(table, 2..6)
}

fn rates(figures: &Figures<'_>, host: &Host) -> Table {
    let levels = figures.levels();
    let mut table = Table::new();
    let head = levels.iter().map(|level| format!("{level} at a time"));
    table.load_style(STYLE).set_header(std::iter::once("stack".to_owned()).chain(head));
    let mut stacks: Vec<_> = figures.rates.iter().map(|rate| rate.stack).collect();
    stacks.dedup();
    for stack in stacks {
        let mark = if host.emulates(stack) { " (e)" } else { "" };
        let cells = levels.iter().map(|&level| {
            let Some(rate) = figures.rate(stack, level) else { return show::NONE.into() };
            let floor =
                rate.of_floor.map_or(String::new(), |ratio| format!(" × {}", show::factor(ratio.value)));
            format!("{:.0}{mark}{floor}", rate.sample.median())
        });
        table.add_row(std::iter::once(stack.to_string()).chain(cells));
    }
    let columns = 1..levels.len() + 1;
    right(table, columns)
}

fn right(mut table: Table, columns: std::ops::Range<usize>) -> Table {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn every_stack_has_its_rows_and_what_is_emulated_its_mark() {
        let mut file = example::with_density();
        let text = |file: &crate::samples::SamplesFile| {
            let figures = Figures::of(file.density.as_ref().unwrap(), &file.host, file.seed);
            render(&figures, &file.host)
        };
        let native = text(&file);
        for stack in ["container ", "unikernel ", "container-floor ", "kvm-floor "] {
            let rows = native.lines().filter(|line| line.trim_start().starts_with(stack)).count();
            assert!(rows >= 3, "{stack}: {native}");
        }
        assert!(native.lines().all(|line| line.chars().count() < 110), "{native}");
        assert!(native.contains(" × ") && !native.contains("(e)"), "{native}");
        file.density.as_mut().unwrap().fills.clear();
        file.host.guest_kernel = "emulated".into();
        let emulated = text(&file);
        assert!(emulated.contains(EMULATED) && !emulated.contains("Instances side by side"), "{emulated}");
    }
}
