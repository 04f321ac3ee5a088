//! The prices on the terminal: a row for each work, a column for each stack.

use super::figures::{Price, Prices};
use super::work::Work;
use crate::host::clock::Clock;
use crate::stats::show;
use crate::table::STYLE;
use comfy_table::{CellAlignment, Table};

/// Renders the table. Ends in a line feed.
pub fn render(prices: &Prices, clock: Clock) -> String {
    let stacks = prices.stacks();
    let mut table = Table::new();
    let head = stacks.iter().map(ToString::to_string);
    table.load_style(STYLE).set_header(std::iter::once(String::new()).chain(head));
    for work in Work::ALL.into_iter().filter(|&work| prices.of_work(work).next().is_some()) {
        let cells = stacks.iter().map(|&stack| {
            prices.get(work, stack).map_or_else(|| show::NONE.into(), |price| cell(prices, price))
        });
        table.add_row(std::iter::once(work.name().to_owned()).chain(cells));
    }
    table.column_iter_mut().skip(1).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    let note = if prices.iter().any(|price| price.emulated) {
        format!("(e) {}\n", crate::host::EMULATED)
    } else {
        String::new()
    };
    format!("One operation, in {}; × process\n{table}\n{note}", clock.nanoseconds())
}

fn cell(prices: &Prices, price: &Price) -> String {
    let mark = if price.emulated { " (e)" } else { "" };
    let times =
        prices.ratio(price).map_or_else(String::new, |ratio| format!(" × {}", show::factor(ratio.value)));
    format!("{}{mark}{times}", ns(price.ns.p50()))
}

/// Nanoseconds without the unit: three digits, or all before the point.
pub(crate) fn ns(value: f64) -> String {
    if value.abs() < 999.5 { show::factor(value) } else { show::thousands(value.round() as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn every_price_is_there_and_what_is_emulated_says_so() {
        let mut file = example::with_tax();
        let table = |file: &crate::samples::SamplesFile| {
            render(&Prices::of(file.tax.as_ref().unwrap(), &file.host, 1), file.host.clock)
        };
        let text = table(&file);
        assert!(text.lines().all(|line| line.chars().count() < 100), "{text}");
        assert!(Work::ALL.iter().all(|work| text.contains(work.name())), "{text}");
        assert!(text.contains("× 1.50") && !text.contains("(e)"), "{text}");
        file.host.guest_kernel = "emulated".into();
        let text = table(&file);
        let cross = text.lines().find(|line| line.contains(Work::Cross.name())).unwrap();
        assert!(cross.contains("(e)") && text.contains("not a cost of hardware virtualization"), "{text}");
    }

    #[test]
    fn large_prices_keep_their_digits() {
        assert_eq!(
            [1.234, 98.76, 999.4, 1_234.4, 61_234.0].map(ns),
            ["1.23", "98.8", "999", "1,234", "61,234"]
        );
    }
}
