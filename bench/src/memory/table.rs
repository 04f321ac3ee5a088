//! The ledger on the terminal: a line a row, a stack a column, in KiB.

use super::ledger::{Ledger, Slope};
use super::line::Line;
use super::section::Section;
use crate::stats::show;
use crate::table::STYLE;
use comfy_table::{CellAlignment, Table};

/// Renders the ledgers of a run, with the falls of fleets with huge pages. Ends in a line feed.
pub fn render(section: &Section) -> String {
    let ledgers = &Ledger::all(section);
    let mut table = Table::new();
    let heads = ledgers.iter().map(|ledger| ledger.stack.name().replace('-', "\n"));
    table.load_style(STYLE).set_header(std::iter::once(String::new()).chain(heads));
    let mut row = |name: &str, of: &dyn Fn(&Ledger) -> Option<Slope>| {
        let cells: Vec<_> = ledgers.iter().map(of).collect();
        if cells.iter().any(Option::is_some) {
            let cell = |slope: Option<Slope>| slope.map_or(show::NONE.into(), |slope| show::kib(slope.bytes));
            table.add_row(std::iter::once(name.to_owned()).chain(cells.into_iter().map(cell)));
        }
    };
    for line in Line::ALL.into_iter().filter(|line| !line.is_reclaimable()) {
        row(line.name(), &|ledger| ledger.get(line).map(|entry| entry.slope));
    }
    row("in no line", &|ledger| Some(ledger.unaccounted));
    row("= MemAvailable falls by", &|ledger| Some(ledger.fall));
    row("  with huge pages", &|ledger| Some(Ledger::of(section.huge_pages_of(ledger.stack)?)?.fall));
    for line in Line::ALL.into_iter().filter(|line| line.is_reclaimable()) {
        row(&format!("beside: {}", line.name()), &|ledger| ledger.get(line).map(|entry| entry.slope));
    }
    row("ruler: RSS", &|ledger| Some(ledger.rulers.rss));
    row("ruler: PSS", &|ledger| Some(ledger.rulers.pss));
    row("ruler: USS", &|ledger| Some(ledger.rulers.uss));
    row("ruler: cgroup", &|ledger| ledger.rulers.cgroup);
    table.column_iter_mut().skip(1).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    format!("One more idle instance, in KiB\n{table}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::ledger::example;

    #[test]
    fn it_fits_and_has_no_row_that_no_stack_has() {
        let text = render(&example::section());
        assert!(text.lines().all(|line| line.chars().count() < 100), "{text}");
        assert!(text.contains("in no line") && text.contains("ruler: PSS") && text.contains("beside: "));
        assert!(!text.contains(Line::Shmem.name()), "{text}");
        let row = |name: &str| text.lines().find(|line| line.trim().starts_with(name)).unwrap().to_owned();
        assert!(row("launcher or VMM").contains(show::NONE), "a process has no launcher");
        assert!(row("= MemAvailable").contains("900"));
    }
}
