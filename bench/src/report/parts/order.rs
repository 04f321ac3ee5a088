//! The order of the launches, whether the machine drifted, and every quantile with its interval.

use crate::samples::SamplesFile;
use crate::stats::{Figure, Summary, ranks, show};
use minijinja::{Value, context};

/// Quantiles in per cent.
const QUANTILES: [u8; 6] = [5, 25, 50, 75, 95, 99];

/// What the template is filled with: the chart is SVG text.
pub(in crate::report) fn values(file: &SamplesFile, summary: &Summary, chart: &str) -> Value {
    let cell = |figure: &Figure, percent: u8| {
        let share = f64::from(percent) / 100.0;
        let interval = ranks::interval(&figure.sample, share);
        context! {
            value => show::ms(figure.sample.quantile(share)),
            interval => interval.map_or_else(|| "too few".into(), |ends| show::ends(ends, show::ms)),
        }
    };
    let row = |stack: &crate::stats::StackSummary| {
        let figure = stack.clock(crate::report::sentences::RULER)?;
        let cells: Vec<_> = QUANTILES.iter().map(|&percent| cell(figure, percent)).collect();
        Some(context! { name => stack.stack.name(), floor => stack.stack.is_floor(), n => figure.n(), cells })
    };
    context! {
        chart => Value::from_safe_string(chart.into()),
        sentences => crate::chart::order::sentences(file),
        quantiles => QUANTILES.map(|percent| format!("p{percent}")).to_vec(),
        rows => summary.stacks.iter().filter_map(row).collect::<Vec<_>>(),
    }
}
