//! What one operation costs: small pictures side by side, one for each work, a bar for each stack.
//!
//! Each picture has an axis of its own from zero, since a turn of integer work takes a nanosecond or two and a switch
//! thousands: bars compare within a picture, never between two. Beside each bar stand the price and how many times a
//! process's it is. What KVM emulates is hatched, and has no such number.

use super::canvas::{Area, Drawn, FIGURE, MARGIN, NAME, NOTE, Stands, WIDTH, line, svg, write};
use super::ink::{self, GRID, INK};
use crate::host::{EMULATED, Host};
use crate::stats::{bootstrap, show};
use crate::tax::Work;
use crate::tax::figures::{Price, Prices};
use crate::tax::table::ns;

/// Pictures side by side, and the gap between them in pixels.
const COLUMNS: i32 = 2;
const GAP: i32 = 28;
const PICTURE: i32 = (WIDTH - 2 * MARGIN - GAP * (COLUMNS - 1)) / COLUMNS;
/// The heights of a picture's head, of a row and of its bar, and of what is below, in pixels.
const HEAD: i32 = 44;
const ROW: i32 = 27;
const BAR: i32 = 14;
const FOOT: i32 = 18;
/// Room for a stack's name before the bars, and for their labels behind them, in pixels.
const NAMES: i32 = 104;
const LABELS: i32 = 128;

/// Draws a picture for each work that was measured.
pub fn draw(prices: &Prices, host: &Host) -> String {
    let pictures: Vec<(Work, Vec<&Price>)> = Work::ALL
        .into_iter()
        .map(|work| (work, prices.of_work(work).collect::<Vec<_>>()))
        .filter(|(_, prices)| !prices.is_empty())
        .collect();
    let rounds = prices.iter().map(|price| price.ns.n()).max().unwrap_or(0);
    let mut caption = vec![format!(
        "Each bar: the median over n = {rounds} rounds of (time of ten times the work − time of the work) / difference in \
         operations; line below it: its {}. × : times a process's. Each picture has its own scale.",
        bootstrap::method()
    )];
    if prices.iter().any(|price| price.emulated) {
        caption.push(format!("Hatched: {EMULATED}; no ratio."));
    }
    caption.push(host.caption());
    let heights: Vec<i32> = pictures
        .chunks(COLUMNS as usize)
        .map(|row| row.iter().map(|(_, bars)| HEAD + ROW * bars.len() as i32 + FOOT).max().unwrap_or(0))
        .collect();
    let subtitle = format!("One operation, in {}, once the work runs", host.clock.nanoseconds());
    svg("The tax in steady state", &subtitle, &caption, heights.iter().sum(), |area, top, _| {
        let mut y = top;
        for (row, height) in pictures.chunks(COLUMNS as usize).zip(&heights) {
            for (column, (work, bars)) in (0..).zip(row) {
                picture(area, (MARGIN + (PICTURE + GAP) * column, y), *work, bars, prices)?;
            }
            y += height;
        }
        Ok(())
    })
}

fn picture(area: &Area<'_>, (left, top): (i32, i32), work: Work, bars: &[&Price], prices: &Prices) -> Drawn {
    write(area, &show::capitalised(work.name()), (left, top + 12), Stands::Right, NAME)?;
    write(area, work.operation(), (left, top + 28), Stands::Right, NOTE)?;
    let (start, room) = (left + NAMES, PICTURE - NAMES - LABELS);
    let end = |price: &Price| price.ns.interval.map_or(price.ns.p50(), |ends| ends.high.max(price.ns.p50()));
    let longest = bars.iter().map(|price| end(price)).fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| start + (value.max(0.0) / longest * f64::from(room)).round() as i32;
    line(area, (start, top + HEAD - 4), (start, top + HEAD + ROW * bars.len() as i32), GRID)?;
    for (row, price) in (0..).zip(bars) {
        let middle = top + HEAD + ROW * row + ROW / 2 - 2;
        write(area, price.stack.name(), (start - 8, middle), Stands::Left, NOTE)?;
        let bar = [(start, middle - BAR / 2), (x(price.ns.p50()).max(start + 1), middle + BAR / 2)];
        ink::bar(area, price.stack, price.emulated, bar)?;
        if let Some(ends) = price.ns.interval {
            // Below its bar, which may be as dark as the line.
            let y = middle + BAR / 2 + 4;
            line(area, (x(ends.low), y), (x(ends.high), y), INK)?;
            [ends.low, ends.high]
                .into_iter()
                .try_for_each(|value| line(area, (x(value), y - 2), (x(value), y + 2), INK))?;
        }
        let times = match prices.ratio(price) {
            Some(ratio) => format!(" (× {})", show::factor(ratio.value)),
            None if price.emulated => " (emulated)".into(),
            None => String::new(),
        };
        write(
            area,
            &format!("{}{times}", ns(price.ns.p50())),
            (x(end(price)) + 8, middle),
            Stands::Right,
            FIGURE,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn each_price_is_labelled_and_what_is_emulated_has_no_ratio() {
        let mut file = example::with_tax();
        let drawn = |file: &crate::samples::SamplesFile| {
            let prices = Prices::of(file.tax.as_ref().unwrap(), &file.host, file.seed);
            (draw(&prices, &file.host), prices)
        };
        let (svg, prices) = drawn(&file);
        for work in Work::ALL {
            assert!(
                svg.contains(&show::capitalised(work.name())) && svg.contains(work.operation()),
                "{work:?}"
            );
        }
        assert!(prices.iter().all(|price| svg.contains(&ns(price.ns.p50()))));
        assert!(svg.contains("(× 1.50)") && svg.contains("n = 12 rounds") && svg.contains("bootstrap"));
        assert!(svg.contains("in ns") && svg.contains("nested") && !svg.contains("emulated"));
        file.host.guest_kernel = "emulated".into();
        let (svg, _) = drawn(&file);
        assert_eq!(svg.matches(" (emulated)").count(), 2, "touch and cross of the unikernel");
        assert!(svg.contains(EMULATED));
    }
}
