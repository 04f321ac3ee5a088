//! What a run measured, as figures: each part of the report reads them, and none is computed twice.

use super::parts;
use crate::density::figures::Figures;
use crate::ladder::figures::Steps;
use crate::memory::ledger::Ledger;
use crate::samples::SamplesFile;
use crate::stats::Summary;
use crate::tax::figures::Prices;

/// A run and its figures; of a part that was not measured there are none.
pub(super) struct Measured<'a> {
    pub(super) file: &'a SamplesFile,
    pub(super) summary: Summary,
    pub(super) ledgers: Option<Vec<Ledger>>,
    pub(super) density: Option<Figures<'a>>,
    pub(super) steps: Option<Steps>,
    pub(super) prices: Option<Prices>,
}

impl Measured<'_> {
    /// Computes all of it. The parts that take longest are computed side by side.
    pub(super) fn of(file: &SamplesFile) -> Measured<'_> {
        std::thread::scope(|scope| {
            let others = scope.spawn(|| {
                let ledgers = file.memory.as_ref().map(Ledger::all);
                (ledgers, parts::density::of(file), parts::ladder::steps(file), parts::tax::prices(file))
            });
            let summary = Summary::of(file);
            let (ledgers, density, steps, prices) =
                others.join().expect("figures are computed without a panic");
            Measured { file, summary, ledgers, density, steps, prices }
        })
    }
}
