//! The ladder on the terminal: a row for each rung.

use super::Wall;
use super::figures::{How, Step, Steps};
use crate::host::EMULATED;
use crate::host::clock::Clock;
use crate::stats::{Difference, show};
use crate::table::STYLE;
use comfy_table::{CellAlignment, Table};

/// Renders the table. Ends in a line feed.
pub fn render(steps: &Steps, clock: Clock) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(["", "cost", "95 % interval", "up to", "teardown", "n"]);
    let mut rows = |steps: &mut dyn Iterator<Item = &Step>| {
        for step in steps {
            table.add_row(row(step));
        }
    };
    rows(&mut steps.iter().filter(|step| step.wall.is_none()));
    for wall in Wall::ALL {
        rows(&mut steps.of_wall(wall));
    }
    table.column_iter_mut().skip(1).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    let mut notes = String::new();
    if steps.iter().any(|step| step.how == How::Phase) {
        notes += "(p) a phase of the guest's launches: it cannot be switched on by itself\n";
    }
    if steps.iter().any(|step| step.emulated) {
        notes.extend(["(e) ", EMULATED, "\n"]);
    }
    format!("What each rung costs, spawn → begin, in {}\n{table}\n{notes}", clock.unit())
}

fn row(step: &Step) -> [String; 6] {
    let mut name = step.name.to_owned();
    if step.how == How::Phase {
        name += " (p)";
    }
    if step.emulated {
        name += " (e)";
    }
    [
        name,
        show::more_ms(step.cost.value),
        interval(step.cost),
        show::ms(step.to()),
        step.teardown.map_or_else(|| show::NONE.into(), |more| show::more_ms(more.value)),
        step.n.to_string(),
    ]
}

/// The interval of a difference, in milliseconds.
pub(crate) fn interval(of: Difference) -> String {
    of.interval.map_or_else(
        || show::NONE.into(),
        |ends| format!("{} to {}", show::more_ms(ends.low), show::more_ms(ends.high)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn every_rung_has_a_row_that_fits_a_terminal() {
        let mut file = example::with_ladder();
        file.host.guest_kernel = "emulated".into();
        let steps = Steps::of(file.ladder.as_ref().unwrap(), &file.host, file.seed);
        let text = render(&steps, Clock::Monotonic);
        assert!(text.lines().all(|line| line.chars().count() < 100), "{text}");
        for step in steps.iter() {
            let row = text.lines().find(|line| line.contains(step.name)).unwrap();
            assert!(row.contains(&show::more_ms(step.cost.value)), "{row}");
            assert_eq!((row.contains("(p)"), row.contains("(e)")), (step.how == How::Phase, step.emulated));
        }
    }
}
