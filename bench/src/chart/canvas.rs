//! A white sheet of text and shapes that becomes the text of an SVG.
//!
//! The white is drawn, not left to the page: the chart stays readable on a dark one.

use super::ink::{INK, SOFT};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The width of every chart, in pixels: that of a page.
pub(super) const WIDTH: i32 = 900;
/// The margin at the left and right of every chart, in pixels.
pub(super) const MARGIN: i32 = 24;

/// The height of a line of caption, in pixels.
const CAPTION_LINE: i32 = 17;
/// The characters that fit on a line of caption: wide ones, at 12 pixels.
const CAPTION_CHARS: usize = 122;

/// What shapes and text are drawn on; its unit is a pixel.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// Whether drawing went well; on a string it always does.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Where text stands relative to its point. Vertically it is centred.
#[derive(Clone, Copy)]
pub(super) enum Stands {
    /// It begins there.
    Right,
    /// Its middle is there.
    Centred,
    /// It ends there.
    Left,
}

/// How text looks.
#[derive(Clone, Copy)]
pub(super) struct Type {
    /// The height of the font, in pixels.
    pub(super) size: f64,
    /// Whether it is bold.
    pub(super) bold: bool,
    /// Its colour.
    pub(super) colour: RGBColor,
}

/// Names of things.
pub(super) const NAME: Type = Type { size: 13.0, bold: true, colour: INK };
/// Figures.
pub(super) const FIGURE: Type = Type { size: 13.0, bold: false, colour: INK };
/// Everything that explains.
pub(super) const NOTE: Type = Type { size: 12.0, bold: false, colour: SOFT };

/// Draws a chart: `title` and `subtitle` on top, `caption` at the bottom, and between them what `draw`
/// draws, which gets the heights at which its room begins and ends. `room` is that room's height, all in
/// pixels. A screen reader reads title and caption.
pub(super) fn svg(
    title: &str,
    subtitle: &str,
    caption: &[String],
    room: i32,
    draw: impl FnOnce(&Area<'_>, i32, i32) -> Drawn,
) -> String {
    const HEAD: i32 = 66;
    let lines: Vec<String> = caption.iter().flat_map(|text| wrapped(text)).collect();
    let height = HEAD + room + 14 + CAPTION_LINE * lines.len() as i32 + 10;
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, (WIDTH as u32, height as u32)).into_drawing_area();
    let framed = || -> Drawn {
        area.fill(&WHITE)?;
        write(&area, title, (MARGIN, 26), Stands::Right, Type { size: 18.0, bold: true, colour: INK })?;
        write(&area, subtitle, (MARGIN, 48), Stands::Right, Type { size: 13.0, ..NOTE })?;
        (0..).zip(&lines).try_for_each(|(count, line)| {
            let y = HEAD + room + 14 + CAPTION_LINE / 2 + CAPTION_LINE * count;
            write(&area, line, (MARGIN, y), Stands::Right, NOTE)
        })
    };
    framed()
        .and_then(|()| draw(&area, HEAD, HEAD + room))
        .and_then(|()| area.present())
        .expect("drawing into a string does not fail");
    drop(area);
    named(&text, title, &lines.join(" "))
}

/// Writes one line of text at a point.
pub(super) fn write(area: &Area<'_>, text: &str, at: (i32, i32), stands: Stands, look: Type) -> Drawn {
    // The SVG backend divides sizes by 1.24: its sizes are line heights, not font sizes.
    let size = look.size * 1.24;
    let weight = if look.bold { FontStyle::Bold } else { FontStyle::Normal };
    let anchor = match stands {
        Stands::Right => HPos::Left,
        Stands::Centred => HPos::Center,
        Stands::Left => HPos::Right,
    };
    let style = TextStyle::from(("sans-serif", size, weight).into_font())
        .color(&look.colour)
        .pos(Pos::new(anchor, VPos::Center));
    area.draw(&Text::new(text, at, style))
}

/// Draws a straight line.
pub(super) fn line(area: &Area<'_>, from: (i32, i32), to: (i32, i32), colour: RGBColor) -> Drawn {
    area.draw(&PathElement::new(vec![from, to], colour))
}

/// Breaks a text into lines at its spaces.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= CAPTION_CHARS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// Gives the drawing a role, a name and a description, for those who hear it.
fn named(svg: &str, title: &str, description: &str) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let (title, description) = (escaped(title), escaped(description));
    let (open, rest) = svg.split_once(">\n").expect("a drawing begins with its root element");
    format!(
        "{open} role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n<desc>{description}</desc>\n{rest}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_none_is_lost() {
        let text = "word ".repeat(100);
        let lines = wrapped(&text);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= CAPTION_CHARS));
        assert_eq!(lines.join(" "), text.trim_end());
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let svg = svg("a <b> & \"c\"", "", &["<script>".into()], 10, |_, _, _| Ok(()));
        assert!(!svg.contains("<b>") && !svg.contains("<script>"), "{svg}");
        assert!(svg.contains("aria-label=\"a &lt;b> &amp; &quot;c&quot;\""), "{svg}");
    }
}
