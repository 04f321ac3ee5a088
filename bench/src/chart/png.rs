//! A drawing as pixels, for slides and for programs that know no SVG.
//!
//! The SVG itself is rasterised (resvg), so there is one drawing and no second way to draw it. Fonts come from a crate
//! and are compiled in: whatever this machine has installed, the picture is the same.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};
use std::sync::{Arc, LazyLock};

/// Pixels of the picture for each of the drawing's: sharp on a screen of high density, and on paper.
const SCALE: f32 = 2.0;

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    for font in [dejavu::sans::regular(), dejavu::sans::bold()] {
        fonts.load_font_data(font.to_vec());
    }
    fonts.set_sans_serif_family("DejaVu Sans");
    Arc::new(fonts)
});

/// The picture of one of our own drawings, as a PNG file.
///
/// # Panics
/// When the text is no SVG: then a drawing of ours is wrong.
pub fn of(svg: &str) -> Vec<u8> {
    let options = Options { fontdb: Arc::clone(&FONTS), ..Options::default() };
    let drawing = Tree::from_str(svg, &options).expect("our drawings are sound SVG");
    let size = drawing.size().to_int_size().scale_by(SCALE).expect("no drawing is empty or endless");
    let mut picture = Pixmap::new(size.width(), size.height()).expect("it has a size");
    resvg::render(&drawing, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
    picture.encode_png().expect("pixels always become a PNG")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Circumstances, phases};
    use crate::report::example;
    use crate::stats::Summary;

    #[test]
    fn a_picture_is_twice_the_drawing_and_its_words_are_in_it() {
        let of_run = Circumstances { workload: "noop", host: "Some CPU" };
        let svg = phases::draw(&Summary::of(&example::run()), of_run);
        // The words stay, but nothing draws them.
        let bare = svg.replace("<text", "<desc").replace("</text", "</desc");
        let picture = |svg: &str| Pixmap::decode_png(&of(svg)).unwrap();
        let whole = picture(&svg);
        assert_eq!(whole.width(), 1800);
        let dark = |picture: &Pixmap| picture.pixels().iter().filter(|pixel| pixel.red() < 128).count();
        assert!(dark(&whole) > dark(&picture(&bare)) + 5_000);
    }
}
