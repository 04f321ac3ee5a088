//! A plot of lines, one of several on a sheet: two axes, a grid, and the lines' names at their right ends.

use super::axis::Axis;
use super::canvas::{Area, Drawn, MARGIN, NAME, NOTE, Stands, WIDTH, line, write};
use super::ink::{self, GRID, INK};
use super::spread;
use isolab_timeline::Stack;

/// The left end of a plot, and its right end, behind which the names stand, in pixels.
pub(super) const LEFT: i32 = MARGIN + 52;
pub(super) const RIGHT: i32 = WIDTH - MARGIN - 236;
/// What a panel needs above its plot for its heading, and below for its axis, in pixels.
const HEAD: i32 = 30;
const FOOT: i32 = 46;
/// The height of a name with what is said under it, in pixels.
const NAME_HEIGHT: f64 = 34.0;

/// Where a plot is and what it spans.
pub(super) struct Panel {
    pub(super) across: Axis,
    pub(super) up: Axis,
    top: i32,
    bottom: i32,
}

/// What stands at the right end of a line.
pub(super) struct Label {
    pub(super) stack: Stack,
    /// The value at which the line ends.
    pub(super) value: f64,
    /// What it says of itself.
    pub(super) note: String,
}

impl Panel {
    /// A panel in the room from `top` to `bottom`, in pixels.
    pub(super) fn new(across: Axis, up: Axis, top: i32, bottom: i32) -> Panel {
        Panel { across, up, top: top + HEAD, bottom: bottom - FOOT }
    }

    pub(super) fn x(&self, value: f64) -> i32 {
        LEFT + (self.across.place(value) * f64::from(RIGHT - LEFT)).round() as i32
    }

    pub(super) fn y(&self, value: f64) -> i32 {
        self.at(self.up.place(value))
    }

    /// As [`Panel::y`], and never outside of the plot.
    pub(super) fn y_inside(&self, value: f64) -> i32 {
        self.at(self.up.place(value).clamp(0.0, 1.0))
    }

    fn at(&self, place: f64) -> i32 {
        self.bottom - (place * f64::from(self.bottom - self.top)).round() as i32
    }

    /// Draws the heading, and the grid with its numbers; `names` are written at the places of the lower axis, which
    /// `unit` explains.
    pub(super) fn grid(&self, area: &Area<'_>, heading: &str, unit: &str, names: &[(f64, String)]) -> Drawn {
        write(area, heading, (MARGIN, self.top - 16), Stands::Right, NAME)?;
        for tick in self.up.ticks() {
            let y = self.y(tick);
            line(area, (LEFT, y), (RIGHT, y), GRID)?;
            write(area, &tick.to_string(), (LEFT - 8, y), Stands::Left, NOTE)?;
        }
        for (place, name) in names {
            let x = self.x(*place);
            line(area, (x, self.bottom), (x, self.bottom + 5), INK)?;
            write(area, name, (x, self.bottom + 14), Stands::Centred, NOTE)?;
        }
        line(area, (LEFT, self.bottom), (RIGHT, self.bottom), INK)?;
        write(area, unit, (i32::midpoint(LEFT, RIGHT), self.bottom + 31), Stands::Centred, NOTE)
    }

    /// Draws the names of lines beside the plot, each as near as possible to the end of its line.
    pub(super) fn labels(&self, area: &Area<'_>, mut labels: Vec<Label>) -> Drawn {
        labels.sort_by_key(|label| self.y(label.value));
        let wishes: Vec<f64> = labels.iter().map(|label| f64::from(self.y(label.value))).collect();
        let heights = vec![NAME_HEIGHT; labels.len()];
        let places =
            spread::spread(&wishes, &heights, f64::from(self.top - HEAD), f64::from(self.bottom + FOOT));
        for (label, place) in labels.iter().zip(places) {
            let (y, end) = (place.round() as i32, self.y(label.value));
            line(area, (RIGHT + 4, end), (RIGHT + 22, y - 7), ink::of_stack(label.stack))?;
            ink::marker(area, label.stack, (RIGHT + 32, y - 7))?;
            write(area, label.stack.name(), (RIGHT + 44, y - 7), Stands::Right, NAME)?;
            write(area, &label.note, (RIGHT + 44, y + 9), Stands::Right, NOTE)?;
        }
        Ok(())
    }
}
