//! The report of a run: a folder that explains itself.
//!
//! 1. [`sentences`]: the answer in words, from what the samples show and no more.
//! 2. `page.rs`: `report.html`, one file without scripts or network, and `summary.md` for a pull request;
//!    both are templates (`report.html.j2`, `summary.md.j2`) filled with the same figures.
//! 3. [`folder`]: all files at once, or none.
//!
//! Beside them lie the charts as files of their own and `samples.json`, from which all of it can be
//! made again.

#[cfg(test)]
pub(crate) mod example;
pub mod folder;
pub(crate) mod page;
mod parts;
pub mod sentences;

use crate::chart::{self, Circumstances};
use crate::samples::SamplesFile;
use crate::stats::Summary;
use folder::ReportError;
use page::Charts;
use std::path::Path;

/// Makes the report of a run and puts it at `folder`, in place of an older one. When that fails, an
/// older report is as it was.
pub fn write(folder: &Path, file: &SamplesFile) -> Result<(), ReportError> {
    let summary = Summary::of(file);
    let (workload, host) = (file.workloads(), file.host.caption());
    let of = Circumstances { workload: &workload, host: &host };
    let charts = Charts {
        ecdf: chart::ecdf::draw(&summary, of),
        phases: chart::phases::draw(&summary, of),
        order: chart::order::draw(file, of),
    };
    let (html, markdown) = page::render(file, &summary, &charts);
    folder::replace(
        folder,
        &[
            ("samples.json", &file.to_json()),
            ("ecdf.svg", charts.ecdf.as_bytes()),
            ("phases.svg", charts.phases.as_bytes()),
            ("order.svg", charts.order.as_bytes()),
            ("report.html", html.as_bytes()),
            ("summary.md", markdown.as_bytes()),
        ],
    )
}
