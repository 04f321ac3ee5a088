//! Figures as text: one way to write each, for the terminal, the charts and the report.

use super::{Figure, Interval, Ratio};
use crate::host::clock::Clock;

/// What stands where there is no figure.
pub const NONE: &str = "–";

/// Milliseconds without the unit. Microseconds are the finest that a launch repeats to, and four digits
/// are enough for anything.
pub fn ms(milliseconds: f64) -> String {
    match milliseconds {
        short if short < 9.9995 => format!("{short:.3}"),
        medium if medium < 99.995 => format!("{medium:.2}"),
        long => format!("{long:.1}"),
    }
}

/// A difference of milliseconds, with its sign.
pub fn more_ms(milliseconds: f64) -> String {
    let sign = if milliseconds < 0.0 { "−" } else { "+" };
    format!("{sign}{}", ms(milliseconds.abs()))
}

/// A number that was written with a hyphen for its sign, with a minus; what was rounded to none has no minus.
pub fn signed(number: &str) -> String {
    match number.strip_prefix('-') {
        Some(digits) if digits.chars().any(|letter| ('1'..='9').contains(&letter)) => format!("−{digits}"),
        Some(digits) => digits.into(),
        None => number.into(),
    }
}

/// Milliseconds of `clock` as a sentence says them, with the unit: three digits.
pub fn ms_in_words(milliseconds: f64, clock: Clock) -> String {
    format!("{} {}", three_digits(milliseconds), clock.unit())
}

/// Bytes as KiB, without the unit: whole ones, or a tenth where there are few.
pub fn kib(bytes: f64) -> String {
    let kib = bytes / 1024.0;
    let sign = if kib <= -0.05 { "−" } else { "" };
    match kib.abs() {
        few if few < 9.95 => format!("{sign}{few:.1}"),
        many => format!("{sign}{}", thousands(many.round() as usize)),
    }
}

/// An interval of bytes as KiB.
pub fn interval_kib(interval: Option<Interval>) -> String {
    between(interval, kib)
}

/// A factor: three digits.
pub fn factor(value: f64) -> String {
    three_digits(value)
}

fn three_digits(value: f64) -> String {
    match value {
        small if small < 9.995 => format!("{small:.2}"),
        medium if medium < 99.95 => format!("{medium:.1}"),
        large => format!("{large:.0}"),
    }
}

/// A count with a comma before each three digits.
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let groups = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| group.iter().map(|&digit| char::from(digit)).collect());
    groups.collect::<Vec<String>>().join(",")
}

/// A figure's median, or that it is below the null probe.
pub fn p50(figure: &Figure) -> String {
    if figure.below_probe { "< probe".into() } else { ms(figure.p50()) }
}

/// The interval of a figure's median.
pub fn interval_ms(figure: &Figure) -> String {
    between(figure.interval.filter(|_| !figure.below_probe), ms)
}

/// A ratio, without its interval.
pub fn ratio(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(|| NONE.into(), |ratio| factor(ratio.value))
}

/// The interval of a ratio.
pub fn ratio_interval(ratio: Option<Ratio>) -> String {
    between(ratio.and_then(|ratio| ratio.interval), factor)
}

/// A p-value: four digits are more than it is worth.
pub fn p(value: f64) -> String {
    if value < 0.0001 { "< 0.0001".into() } else { format!("{value:.4}") }
}

/// An interval by its ends, each written as `number` does.
pub fn ends(ends: Interval, number: fn(f64) -> String) -> String {
    format!("{} to {}", number(ends.low), number(ends.high))
}

fn between(interval: Option<Interval>, number: fn(f64) -> String) -> String {
    interval.map_or_else(|| NONE.into(), |interval| ends(interval, number))
}

/// With a capital at its beginning.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_fall_as_times_grow_and_rounding_adds_none() {
        let texts = [0.0004, 0.61234, 9.9994, 9.9996, 52.347, 99.996, 1234.56].map(ms);
        assert_eq!(texts, ["0.000", "0.612", "9.999", "10.00", "52.35", "100.0", "1234.6"]);
        let factors = [1.534, 9.996, 42.25, 99.96, 172.4].map(factor);
        let sizes = [0.0, 1023.0 * 9.0, 10_200.0, 2e9, -5_000.0, -20.0].map(kib);
        assert_eq!(sizes, ["0.0", "9.0", "10", "1,953,125", "−4.9", "0.0"]);
        assert_eq!([0, 999, 10_000, 1_234_567].map(thousands), ["0", "999", "10,000", "1,234,567"]);
        assert_eq!(["-0.0 %", "+1.5 %", "-0.00012"].map(signed), ["0.0 %", "+1.5 %", "−0.00012"]);
        assert_eq!(factors, ["1.53", "10.0", "42.2", "100", "172"]);
    }
}
