//! The ledger of each stack: one bar, one part a line, and the fall of `MemAvailable` to hold it against.
//!
//! Above each bar stand the usual rulers, each at what it says of the same instances, so that one sees how they
//! disagree. What is in no line is white and hatched. Parts too small for a label are in the report's table.

use super::Circumstances;
use super::axis::Axis;
use super::canvas::{Area, Drawn, FIGURE, MARGIN, NAME, NOTE, Stands, Type, WIDTH, line, svg, write};
use super::ink::{self, GRID, INK};
use super::spread;
use crate::memory::ledger::{Ledger, Slope, Verdict};
use crate::memory::{Line, Section};
use crate::stats::{line as fit, show};
use plotters::prelude::{Color, PathElement};

/// The heights in a stack's row, in pixels: its name, the rulers, the bar, the labels; and of the axis.
const TITLE: i32 = 22;
const RULERS: i32 = 30;
const BAR: i32 = 22;
const LABELS: i32 = 62;
const ROW: i32 = TITLE + RULERS + BAR + LABELS;
const AXIS: i32 = 44;
/// The left and right end of the bars, in pixels.
const LEFT: i32 = MARGIN;
const RIGHT: i32 = WIDTH - MARGIN;
/// A part of less than this share of the longest bar has no label, unless there is nothing else to see.
const LEAST: f64 = 0.008;

/// Draws the ledgers of a run.
pub fn draw(ledgers: &[Ledger], section: &Section, of: Circumstances<'_>) -> String {
    let caption = [
        format!(
            "Each part: the slope of a line through readings while instances were added, after one that is left out; \
             workload {}; {}. In brackets: its {}. VMs have {} MiB. Transparent huge pages are kept out.",
            section.workload,
            counts(ledgers),
            fit::method(),
            section.memory_mib,
        ),
        "White, hatched: in no line. RSS: all that its processes map; PSS: each page divided by how many map it; USS: \
         what nobody else maps; cgroup: what the kernel charges to it. ▸: beyond the scale."
            .into(),
        of.host.into(),
    ];
    let rows = ledgers.len() as i32;
    svg(
        "What one more idle instance costs",
        "Memory ledger, in KiB an instance, against the fall of MemAvailable",
        &caption,
        ROW * rows + AXIS,
        |area, top, bottom| {
            let longest =
                ledgers.iter().map(|each| each.fall.bytes.max(each.sum_bytes())).fold(0.0, f64::max);
            let plot = Plot { axis: Axis::from_zero(longest / 1024.0), top, bottom: bottom - AXIS };
            plot.grid(area)?;
            (0..).zip(ledgers).try_for_each(|(row, ledger)| plot.row(area, top + ROW * row, ledger))
        },
    )
}

/// How many instances, in words.
fn counts(ledgers: &[Ledger]) -> String {
    let (least, most) = (ledgers.iter().map(|each| each.n).min(), ledgers.iter().map(|each| each.n).max());
    match (least.unwrap_or_default(), most.unwrap_or_default()) {
        (least, most) if least == most => format!("n = {least} instances a stack"),
        (least, most) => format!("n = {least} to {most} instances a stack"),
    }
}

struct Plot {
    axis: Axis,
    top: i32,
    bottom: i32,
}

impl Plot {
    fn x(&self, bytes: f64) -> i32 {
        LEFT + (self.axis.place(bytes.max(0.0) / 1024.0) * f64::from(RIGHT - LEFT)).round() as i32
    }

    fn grid(&self, area: &Area<'_>) -> Drawn {
        for tick in self.axis.ticks() {
            let x = self.x(tick * 1024.0);
            line(area, (x, self.top), (x, self.bottom), GRID)?;
            line(area, (x, self.bottom), (x, self.bottom + 5), INK)?;
            write(area, &show::thousands(tick as usize), (x, self.bottom + 14), Stands::Centred, NOTE)?;
        }
        line(area, (LEFT, self.bottom), (RIGHT, self.bottom), INK)?;
        write(area, "KiB an instance", (i32::midpoint(LEFT, RIGHT), self.bottom + 34), Stands::Centred, NOTE)
    }

    fn row(&self, area: &Area<'_>, top: i32, ledger: &Ledger) -> Drawn {
        title(area, top + TITLE / 2, ledger)?;
        let bar = top + TITLE + RULERS;
        self.rulers(area, bar, ledger)?;
        let parts = self.bar(area, bar, ledger)?;
        labels(area, bar + BAR, &parts)
    }

    /// Draws the parts; returns those that are large enough for a label.
    fn bar(&self, area: &Area<'_>, top: i32, ledger: &Ledger) -> Result<Vec<Named>, DrawingError> {
        let rest = ledger.unaccounted.bytes;
        let lines = ledger.entries.iter().map(|entry| (Some(entry.line), entry.slope.bytes));
        let mut before = 0.0;
        let mut named = Vec::new();
        for (line, bytes) in lines.chain((rest > 0.0).then_some((None, rest))) {
            let after = before + bytes.max(0.0);
            let (left, right) = (self.x(before), self.x(after));
            ink::memory(area, line, [(left, top), (right, top + BAR)])?;
            if f64::from(right - left) >= LEAST * f64::from(RIGHT - LEFT) {
                let name = line.map_or("in no line", Line::name);
                named.push((i32::midpoint(left, right), bytes, [name.into(), show::kib(bytes)]));
            }
            before = after;
        }
        // The fall is where the parts should end.
        let fall = self.x(ledger.fall.bytes);
        for aside in [0, 1] {
            self::line(area, (fall + aside, top - 5), (fall + aside, top + BAR + 5), INK)?;
        }
        Ok(named)
    }

    /// The usual rulers, each pointing to its value; names are put side by side.
    fn rulers(&self, area: &Area<'_>, bar: i32, ledger: &Ledger) -> Drawn {
        let rulers = ledger.rulers;
        let mut all = vec![("RSS", rulers.rss), ("PSS", rulers.pss), ("USS", rulers.uss)];
        all.extend(rulers.cgroup.map(|slope| ("cgroup", slope)));
        all.sort_by(|(_, a), (_, b)| a.bytes.total_cmp(&b.bytes));
        let texts: Vec<_> = all
            .iter()
            .map(|(name, slope)| {
                let beyond = if self.x(slope.bytes) > RIGHT { " ▸" } else { "" };
                format!("{name} {}{beyond}", show::kib(slope.bytes))
            })
            .collect();
        let tips: Vec<_> = all.iter().map(|(_, slope)| self.x(slope.bytes).min(RIGHT)).collect();
        let widths: Vec<f64> = texts.iter().map(|text| 7.2 * text.chars().count() as f64 + 14.0).collect();
        let wishes: Vec<f64> = tips.iter().map(|&x| f64::from(x)).collect();
        let centres = spread::spread(&wishes, &widths, f64::from(LEFT), f64::from(RIGHT));
        for ((text, centre), tip) in texts.iter().zip(centres).zip(tips) {
            let centre = centre.round() as i32;
            write(area, text, (centre, bar - RULERS + 8), Stands::Centred, NOTE)?;
            leader(area, vec![(centre, bar - RULERS + 16), (tip, bar - 6), (tip, bar - 1)])?;
        }
        Ok(())
    }
}

/// A part of a bar that has a label: its middle in pixels, its bytes, its name and figure.
type Named = (i32, f64, [String; 2]);
type DrawingError = plotters::drawing::DrawingAreaErrorKind<std::io::Error>;

/// The stack's name, and the fall with its interval.
fn title(area: &Area<'_>, y: i32, ledger: &Ledger) -> Drawn {
    let name = if ledger.stack.is_floor() { Type { bold: false, ..NAME } } else { NAME };
    let text = ledger.stack.to_string();
    write(area, &text, (LEFT, y), Stands::Right, name)?;
    let Slope { bytes, interval } = ledger.fall;
    let interval = interval.map(|ends| format!(" ({})", show::interval_kib(Some(ends)))).unwrap_or_default();
    let verdict = match ledger.verdict() {
        Verdict::AddsUp => "",
        Verdict::Off => "; the lines do not add up to it",
        Verdict::TooBusy => "; too busy a machine to say whether the lines add up",
    };
    let fall = format!("MemAvailable falls by {} KiB{interval}{verdict}", show::kib(bytes));
    write(area, &fall, (LEFT + 130, y), Stands::Right, FIGURE)
}

/// Names and figures below a bar, each pointing to its part.
fn labels(area: &Area<'_>, bottom: i32, parts: &[Named]) -> Drawn {
    let width = |texts: &[String; 2]| {
        texts.iter().map(|text| 6.8 * text.chars().count() as f64).fold(0.0, f64::max) + 12.0
    };
    // As many as there is room for, the largest parts first: the rest is in the report's table.
    let mut parts = parts.to_vec();
    while parts.iter().map(|(_, _, texts)| width(texts)).sum::<f64>() > f64::from(RIGHT - LEFT) {
        let smallest = parts.iter().enumerate().min_by(|(_, a), (_, b)| a.1.total_cmp(&b.1));
        let Some((smallest, _)) = smallest else { break };
        parts.remove(smallest);
    }
    let widths: Vec<f64> = parts.iter().map(|(_, _, texts)| width(texts)).collect();
    let wishes: Vec<f64> = parts.iter().map(|(middle, ..)| f64::from(*middle)).collect();
    let centres = spread::spread(&wishes, &widths, f64::from(LEFT), f64::from(RIGHT));
    for ((middle, _, texts), centre) in parts.iter().zip(centres) {
        let centre = centre.round() as i32;
        leader(area, vec![(*middle, bottom), (*middle, bottom + 4), (centre, bottom + 14)])?;
        write(area, &texts[0], (centre, bottom + 21), Stands::Centred, NOTE)?;
        write(area, &texts[1], (centre, bottom + 37), Stands::Centred, FIGURE)?;
    }
    Ok(())
}

fn leader(area: &Area<'_>, points: Vec<(i32, i32)>) -> Drawn {
    area.draw(&PathElement::new(points, INK.mix(0.5)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::ledger::example;

    #[test]
    fn every_large_part_has_its_name_and_figure_and_every_ruler_is_there() {
        let section = example::section();
        let ledgers = Ledger::all(&section);
        let svg = draw(&ledgers, &section, Circumstances { workload: "", host: "Some CPU, nested" });
        let texts: Vec<&str> = svg.lines().filter(|line| !line.starts_with('<')).collect();
        for ledger in &ledgers {
            assert!(texts.contains(&ledger.stack.name()));
            let longest =
                ledger.entries.iter().max_by(|a, b| a.slope.bytes.total_cmp(&b.slope.bytes)).unwrap();
            assert!(
                texts.contains(&longest.line.name()) && texts.contains(&&*show::kib(longest.slope.bytes))
            );
            let pss = format!("PSS {}", show::kib(ledger.rulers.pss.bytes));
            assert!(texts.iter().any(|text| text.starts_with(&pss)), "{pss}");
        }
        assert!(svg.contains("n = 100 ") && svg.contains("Some CPU, nested") && svg.contains("bootstrap"));
    }
}
