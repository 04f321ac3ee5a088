//! The table on the terminal: what a run found, in less than 100 columns and without colour.

use crate::host::EMULATED;
use crate::stats::{Clock, Summary, show};
use comfy_table::{CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};
use isolab_timeline::Stack;

/// The clocks that the terminal shows; the report has all of them.
const CLOCKS: [Clock; 2] = [Clock::Begin, Clock::Reaped];

/// Light lines above, below the head, and below; none between columns.
pub(crate) const STYLE: TableStyle = TableStyle::new()
    .top_border(LINE)
    .header_lines(ContentLineStyle::none())
    .header_separator(LINE)
    .content_lines(ContentLineStyle::none())
    .bottom_border(LINE);
const LINE: LineStyle = LineStyle::none().fill('─').junction('─');

/// Renders the table of a run: one part for each clock. Ends in a line feed.
pub fn render(summary: &Summary) -> String {
    let note = if summary.any_emulated() { format!("(e) {EMULATED}\n") } else { String::new() };
    CLOCKS
        .map(|clock| format!("{}, in {}\n{}\n", clock.name(), summary.time.unit(), part(summary, clock)))
        .join("\n")
        + &note
}

fn part(summary: &Summary, clock: Clock) -> Table {
    let mut table = Table::new();
    // Only beside a peer is there something to hold against ours.
    let peers = summary.stacks.iter().any(|stack| stack.stack.is_peer());
    let head = ["stack", "n", "p50", "p95", "95 % interval of p50", "× process", "× floor"];
    table.load_style(STYLE).set_header(head.into_iter().chain(peers.then_some("× ours")));
    for stack in &summary.stacks {
        let Some(figure) = stack.clock(clock) else { continue };
        let times =
            |base: Option<Stack>| show::ratio(base.and_then(|base| summary.ratio(stack.stack, base, clock)));
        let row = [
            format!("{}{}", stack.stack, if stack.emulated { " (e)" } else { "" }),
            figure.n().to_string(),
            show::p50(figure),
            show::ms(figure.p95()),
            show::interval_ms(figure),
            times(Some(Stack::Process)),
            times(stack.stack.floor()),
        ];
        table.add_row(row.into_iter().chain(peers.then(|| times(stack.stack.beside()))));
    }
    table.column_iter_mut().skip(1).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn it_fits_and_names_every_stack_under_both_clocks() {
        let text = render(&Summary::of(&example::with_linux()));
        assert!(text.lines().all(|line| line.chars().count() < 100), "{text}");
        for stack in Stack::ALL {
            assert_eq!(
                text.lines().filter(|line| line.trim().starts_with(&format!("{stack} "))).count(),
                2,
                "{text}"
            );
        }
        assert!(!text.contains('\u{1b}'), "no colour");
    }

    #[test]
    fn what_kvm_emulates_says_so_and_has_no_ratio() {
        let mut file = example::run();
        assert!(!render(&Summary::of(&file)).contains("(e)"));
        file.host.guest_kernel = "emulated".into();
        let text = render(&Summary::of(&file));
        let row = |name: &str| text.lines().find(|line| line.trim().starts_with(name)).unwrap();
        assert!(row("unikernel (e) ").trim_end().ends_with(show::NONE) && text.ends_with("virtualization\n"));
        assert!(!row("container ").contains(show::NONE), "{text}");
    }

    #[test]
    fn peers_have_rows_of_their_own_and_are_held_against_ours() {
        let text = render(&Summary::of(&example::with_peers()));
        assert!(text.lines().all(|line| line.chars().count() < 100), "{text}");
        let cells = |name: &str| {
            let row = text.lines().find(|line| line.split_whitespace().next() == Some(name)).expect("a row");
            row.split_whitespace().rev().take(3).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(cells("runc")[..2], ["13.0", show::NONE], "{text}");
        assert_eq!(cells("container")[0], show::NONE, "{text}");
        assert!(!render(&Summary::of(&example::run())).contains("ours"));
    }

    #[test]
    fn a_stack_that_was_not_measured_has_no_row_and_no_ratio() {
        let text = render(&Summary::of(&example::without(Stack::Process)));
        assert!(!text.lines().any(|line| line.trim().starts_with("process")), "{text}");
        let container = text.lines().find(|line| line.trim().starts_with("container ")).unwrap();
        let cells: Vec<_> = container.split_whitespace().rev().take(2).collect();
        assert_eq!(cells[1], show::NONE, "{text}");
        assert_ne!(cells[0], show::NONE, "{text}");
    }
}
