//! A chart and what a report makes of it: a drawing on the page, and beside the page the same as SVG, PNG and CSV.
//!
//! The page carries the drawing and its data in itself, so that it still has both when it is moved alone. The
//! SVG and PNG are files beside it only: pictures for other places, which would double the page.

use crate::chart;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use minijinja::{Value, context};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

/// All that a report can have, in the order of the page; which it has depends on what was measured.
pub(super) const NAMES: [&str; 14] = [
    "ecdf",
    "ecdf-ready",
    "ecdf-end",
    "ecdf-reaped",
    "ecdf-work",
    "ecdf-teardown",
    "waterfall",
    "phases",
    "memory",
    "density",
    "ladder",
    "tax",
    "peers",
    "order",
];

/// The files of a chart, by their endings.
pub(super) const ENDINGS: [&str; 3] = ["svg", "png", "csv"];

/// One chart.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    /// One of [`NAMES`].
    pub(super) name: &'static str,
    /// The picture.
    pub(super) svg: String,
    /// The numbers in it.
    pub(super) csv: String,
}

impl Drawing {
    /// The values of `figure.html.j2`.
    pub(super) fn values(&self) -> Value {
        context! {
            name => self.name,
            svg => Value::from_safe_string(self.svg.clone()),
            csv => embedded("text/csv;charset=utf-8", self.csv.as_bytes()),
        }
    }

    /// The files beside the page, of which the picture was made before: the ending of each, and its content.
    pub(super) fn files(self, picture: Vec<u8>) -> [(&'static str, Vec<u8>); 3] {
        let [svg, png, csv] = ENDINGS;
        [(svg, self.svg.into_bytes()), (png, picture), (csv, self.csv.into_bytes())]
    }
}

/// The pictures of these drawings, in their order. They are what a report takes longest for, so all CPUs draw: each
/// takes the next that is not yet drawn.
pub(super) fn pictures(drawings: &[Drawing]) -> Vec<Vec<u8>> {
    let next = AtomicUsize::new(0);
    let draw = || {
        let mut drawn = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(drawing) = drawings.get(place) else { break drawn };
            drawn.push((place, chart::png::of(&drawing.svg)));
        }
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let mut pictures: Vec<(usize, Vec<u8>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cpus.min(drawings.len())).map(|_| scope.spawn(draw)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("drawing does not panic")).collect()
    });
    pictures.sort_by_key(|(place, _)| *place);
    pictures.into_iter().map(|(_, picture)| picture).collect()
}

/// Every name of [`NAMES`] with the values of its chart, or with none.
pub(super) fn values(drawings: &[Drawing]) -> Value {
    let drawn = |name| drawings.iter().find(|drawing| drawing.name == name);
    let of = |name| drawn(name).map_or(Value::from(()), Drawing::values);
    Value::from(NAMES.into_iter().map(|name| (name, of(name))).collect::<BTreeMap<_, _>>())
}

/// The samples as a link that holds them: an eighth or so of their size.
pub(super) fn samples(json: &[u8]) -> String {
    let mut small = GzEncoder::new(Vec::new(), Compression::default());
    let small =
        small.write_all(json).and_then(|()| small.finish()).expect("memory takes all that is written");
    embedded("application/gzip", &small)
}

/// A link that holds what it leads to (RFC 2397).
fn embedded(media_type: &str, content: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(content))
}
