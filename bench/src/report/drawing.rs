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

    /// The files beside the page: the ending of each, and its content.
    pub(super) fn files(&self) -> [(&'static str, Vec<u8>); 3] {
        let [svg, png, csv] = ENDINGS;
        [
            (svg, self.svg.clone().into_bytes()),
            (png, chart::png::of(&self.svg)),
            (csv, self.csv.clone().into_bytes()),
        ]
    }
}

/// Every name of [`NAMES`] with the values of its chart, or with none.
pub(super) fn values(drawings: &[Drawing]) -> Value {
    let drawn = |name| drawings.iter().find(|drawing| drawing.name == name);
    let of = |name| drawn(name).map_or(Value::from(()), Drawing::values);
    Value::from(NAMES.into_iter().map(|name| (name, of(name))).collect::<BTreeMap<_, _>>())
}

/// The samples as a link that holds them: an eighth or so of their size.
pub(super) fn samples(json: &[u8]) -> String {
    let mut small = GzEncoder::new(Vec::new(), Compression::best());
    let small =
        small.write_all(json).and_then(|()| small.finish()).expect("memory takes all that is written");
    embedded("application/gzip", &small)
}

/// A link that holds what it leads to (RFC 2397).
fn embedded(media_type: &str, content: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(content))
}
