//! Axes: where a number of milliseconds lies on a line, which numbers are written at it, and how it is drawn.

use super::canvas::{Area, Drawn, NOTE, Stands, line, write};
use super::ink::{GRID, INK};

/// A longest value this many times the shortest needs a logarithmic axis: on a linear one the short
/// ones would be a single step at its start.
const LOGARITHMIC_FROM: f64 = 20.0;

/// An axis for a range of milliseconds, from 0 to 1 along the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Axis {
    /// Equal lengths are equal differences; begins at zero, so that lengths compare as times do.
    Linear {
        /// The value at the line's end.
        end: f64,
    },
    /// Equal lengths are equal ratios.
    Logarithmic {
        /// The value at the line's start, above zero.
        start: f64,
        /// The value at the line's end.
        end: f64,
    },
}

impl Axis {
    /// A linear axis that ends a little after `longest`.
    pub(super) fn from_zero(longest: f64) -> Axis {
        Axis::Linear { end: if longest > 0.0 { longest * 1.04 } else { 1.0 } }
    }

    /// The axis that suits values from `shortest` to `longest`.
    pub(super) fn spanning(shortest: f64, longest: f64) -> Axis {
        if shortest > 0.0 && longest > shortest * LOGARITHMIC_FROM {
            Axis::Logarithmic { start: shortest / 1.2, end: longest * 1.2 }
        } else {
            Axis::from_zero(longest)
        }
    }

    /// Where `value` lies: 0 at the start of the line, 1 at its end.
    pub(super) fn place(self, value: f64) -> f64 {
        match self {
            Axis::Linear { end } => value / end,
            Axis::Logarithmic { start, end } => (value / start).ln() / (end / start).ln(),
        }
    }

    /// The values to write at the line, ascending: 1, 2 and 5 times powers of ten.
    pub(super) fn ticks(self) -> Vec<f64> {
        match self {
            Axis::Linear { end } => {
                let step = steps(end / 10.0).find(|&step| end / step <= 8.0).unwrap_or(end);
                // Written out and read back: 3 times 0.2 is 0.6 to a reader, 0.6000000000000001 to a computer.
                let round = |tick: f64| format!("{tick:.9}").parse().unwrap_or(tick);
                (0..=(end / step) as usize).map(|count| round(count as f64 * step)).collect()
            }
            Axis::Logarithmic { start, end } => {
                let few = end / start > 1e4;
                steps(start / 10.0)
                    .filter(|step| !few || step.log10().fract().abs() < 1e-9)
                    .skip_while(|&step| step < start)
                    .take_while(|&step| step <= end)
                    .collect()
            }
        }
    }

    /// Draws it at the lower edge of a frame, in pixels: the line, the numbers, what they are of, and for each
    /// number a line up to the upper edge.
    pub(super) fn draw(
        self,
        area: &Area<'_>,
        [(left, top), (right, bottom)]: [(i32, i32); 2],
        unit: &str,
    ) -> Drawn {
        for tick in self.ticks() {
            let x = left + (self.place(tick) * f64::from(right - left)).round() as i32;
            line(area, (x, top), (x, bottom), GRID)?;
            line(area, (x, bottom), (x, bottom + 5), INK)?;
            write(area, &tick.to_string(), (x, bottom + 14), Stands::Centred, NOTE)?;
        }
        line(area, (left, bottom), (right, bottom), INK)?;
        write(area, unit, (i32::midpoint(left, right), bottom + 34), Stands::Centred, NOTE)
    }

    /// What this axis says of itself after its unit.
    pub(super) const fn remark(self) -> &'static str {
        match self {
            Axis::Linear { .. } => "",
            Axis::Logarithmic { .. } => ", logarithmic scale",
        }
    }
}

/// 1, 2 and 5 times each power of ten, from a power not above `least` on.
fn steps(least: f64) -> impl Iterator<Item = f64> {
    (least.log10().floor() as i32..).flat_map(|power| {
        // Divided rather than multiplied by a negative power: 0.2 and not 0.20000000000000001.
        let of_ten =
            |digit: f64| if power < 0 { digit / 10_f64.powi(-power) } else { digit * 10_f64.powi(power) };
        [1.0, 2.0, 5.0].map(of_ten)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_decides_between_linear_and_logarithmic() {
        assert_eq!(Axis::spanning(0.5, 2.0), Axis::Linear { end: 2.08 });
        assert!(matches!(Axis::spanning(0.5, 10.5), Axis::Logarithmic { .. }));
        assert!(matches!(Axis::spanning(0.0, 10.5), Axis::Linear { .. }), "zero has no logarithm");
    }

    #[test]
    fn ticks_lie_on_the_line_and_are_few_round_numbers() {
        assert_eq!(Axis::Linear { end: 2.08 }.ticks(), [0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(Axis::Linear { end: 1.1 }.ticks(), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(Axis::spanning(0.6, 60.0).ticks(), [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0]);
        for (shortest, longest) in [(0.01, 0.02), (0.3, 5.9), (0.3, 400.0), (0.001, 5e4), (3.0, 3.0)] {
            let axis = Axis::spanning(shortest, longest);
            let ticks = axis.ticks();
            assert!((3..=13).contains(&ticks.len()), "{axis:?}: {ticks:?}");
            assert!(ticks.iter().all(|&tick| (0.0..=1.0).contains(&axis.place(tick))), "{axis:?}: {ticks:?}");
            assert!(0.0 <= axis.place(shortest) && axis.place(longest) < 1.0, "{axis:?}");
        }
    }
}
