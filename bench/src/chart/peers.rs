//! Our stacks beside the peers that do the same: a line for each, the quickest first, in groups.
//!
//! Only within a group is like held against like. The marker is the median, the heavy line its interval, the light
//! one reaches from the quickest launch of twenty to the slowest of twenty.

use super::Circumstances;
use super::axis::Axis;
use super::canvas::{Area, Drawn, FIGURE, MARGIN, NAME, NOTE, Stands, WIDTH, svg, write};
use super::ink;
use crate::host::EMULATED;
use crate::stats::{Clock, Figure, Interval, Summary, bootstrap, show};
use isolab_timeline::Stack;
use plotters::prelude::{Color, PathElement};

/// The clock that is drawn.
const CLOCK: Clock = Clock::Begin;
/// The heights of the columns' heads, of a row, of the room between groups, and of the axis, in pixels.
const HEAD: i32 = 26;
const ROW: i32 = 26;
const GAP: i32 = 14;
const AXIS: i32 = 44;
/// Where lines begin and end, and where the columns of numbers end, in pixels.
const LEFT: i32 = MARGIN + 178;
const RIGHT: i32 = WIDTH - MARGIN - 240;
const COLUMNS: [i32; 3] = [WIDTH - MARGIN - 176, WIDTH - MARGIN - 62, WIDTH - MARGIN];

/// One stack's line.
struct Row<'a> {
    stack: Stack,
    figure: &'a Figure,
    emulated: bool,
    /// Times ours, for a peer; that it is emulated, where it is.
    times: String,
}

/// Draws the groups in which a peer was measured; `None`: there is none.
pub fn draw(summary: &Summary, of: Circumstances<'_>) -> Option<String> {
    let groups = groups(summary);
    let all = || groups.iter().flatten();
    let ends = |share| all().map(move |row| row.figure.sample.quantile(share));
    let (shortest, longest) = (ends(0.05).fold(f64::MAX, f64::min), ends(0.95).fold(0.0, f64::max));
    let mut caption = vec![
        format!(
            "t0 = {}; workload {}; n = {} launches a stack, warm-up left out. Marker: the median; heavy line: its {}; \
             light line: from the 5 % to the 95 % quantile. Bold: ours. × ours: the ratio of the medians.",
            CLOCK.name(),
            of.workload,
            summary.launches(),
            bootstrap::method(),
        ),
        of.host.into(),
    ];
    if all().any(|row| row.emulated) {
        caption.insert(1, format!("{}; no ratio.", show::capitalised(EMULATED)));
    }
    let height = HEAD + ROW * all().count() as i32 + GAP * groups.len() as i32 + AXIS;
    let subtitle = format!("{}, in {}", CLOCK.name(), summary.time.unit_in_words());
    (!groups.is_empty()).then(|| {
        svg("Beside the programs of others", &subtitle, &caption, height, |area, top, bottom| {
            let plot =
                Plot { axis: Axis::spanning(shortest, longest), top: top + HEAD, bottom: bottom - AXIS };
            plot.frame(area, &format!("{subtitle}{}", plot.axis.remark()), top)?;
            let mut y = plot.top + GAP / 2 + ROW / 2;
            for group in &groups {
                for row in group {
                    plot.row(area, y, row)?;
                    y += ROW;
                }
                y += GAP;
            }
            Ok(())
        })
    })
}

/// The stacks of ours beside which a peer was measured, each with its peers, the quickest first.
fn groups(summary: &Summary) -> Vec<Vec<Row<'_>>> {
    let group = |ours: Stack| {
        let members = summary.stacks.iter().filter(|of| of.stack == ours || of.stack.beside() == Some(ours));
        let mut rows: Vec<_> = members
            .filter_map(|of| {
                let ratio = of.stack.beside().and_then(|base| summary.ratio(of.stack, base, CLOCK));
                let times = if of.emulated { "emulated".into() } else { show::ratio(ratio) };
                Some(Row { stack: of.stack, emulated: of.emulated, figure: of.clock(CLOCK)?, times })
            })
            .collect();
        rows.sort_by(|a, b| a.figure.p50().total_cmp(&b.figure.p50()));
        rows
    };
    let with_a_peer = |rows: &Vec<Row<'_>>| rows.iter().any(|row| row.stack.is_peer());
    Stack::ALL.into_iter().map(group).filter(with_a_peer).collect()
}

struct Plot {
    axis: Axis,
    top: i32,
    bottom: i32,
}

impl Plot {
    fn x(&self, milliseconds: f64) -> i32 {
        LEFT + (self.axis.place(milliseconds) * f64::from(RIGHT - LEFT)).round() as i32
    }

    fn frame(&self, area: &Area<'_>, unit: &str, top: i32) -> Drawn {
        for (head, right) in ["p50", "95 % interval", "× ours"].into_iter().zip(COLUMNS) {
            write(area, head, (right, top + 12), Stands::Left, NOTE)?;
        }
        self.axis.draw(area, [(LEFT, self.top), (RIGHT, self.bottom)], unit)
    }

    fn row(&self, area: &Area<'_>, y: i32, Row { stack, emulated, figure, times }: &Row<'_>) -> Drawn {
        let colour = ink::of_stack(*stack);
        let across = |from: f64, to: f64, width: u32| {
            let points = vec![(self.x(from), y), (self.x(to), y)];
            area.draw(&PathElement::new(points, colour.stroke_width(width)))
        };
        write(area, stack.name(), (LEFT - 14, y), Stands::Left, if stack.is_peer() { FIGURE } else { NAME })?;
        across(figure.sample.quantile(0.05), figure.sample.quantile(0.95), 1)?;
        if let Some(Interval { low, high }) = figure.interval {
            across(low, high, 5)?;
            if *emulated {
                ink::veil(area, [(self.x(low), y - 4), (self.x(high), y + 4)])?;
            }
        }
        ink::marker(area, *stack, (self.x(figure.p50()), y))?;
        let cells = [show::p50(figure), show::interval_ms(figure), times.clone()];
        cells.iter().zip(COLUMNS).try_for_each(|(cell, right)| {
            let look = if right == COLUMNS[1] { NOTE } else { FIGURE };
            write(area, cell, (right, y), Stands::Left, look)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    const OF: Circumstances<'_> = Circumstances { workload: "noop", host: "Some CPU, nested" };

    #[test]
    fn each_peer_stands_in_the_group_of_the_stack_that_does_the_same() {
        let summary = Summary::of(&example::with_peers());
        let names: Vec<Vec<_>> =
            groups(&summary).iter().map(|rows| rows.iter().map(|row| row.stack.name()).collect()).collect();
        assert_eq!(names, [["container", "runc"], ["unikernel", "qemu"], ["microvm", "qemu-linux"]]);
        let svg = draw(&summary, OF).unwrap();
        assert!(svg.contains("bootstrap") && svg.contains("n = 60 ") && svg.contains("Some CPU, nested"));
        assert!(!svg.lines().any(|line| line == "process"));
    }

    #[test]
    fn without_peers_there_is_no_chart() {
        assert!(draw(&Summary::of(&example::run()), OF).is_none());
    }
}
