//! The drawings: figures in, the text of an SVG out. No file, no clock, no randomness.
//!
//! 1. `canvas.rs`: a white sheet with a title, text and captions.
//! 2. `ink.rs`: colours, and for those who see none: markers, dashes and hatching.
//! 3. `axis.rs`: where a number lies on a line, and which numbers are written at it.
//! 4. `spread.rs`: labels side by side without overlap.
//! 5. [`ecdf`]: how long until the workload's first instruction (or any other mark), for every launch of every stack.
//! 6. [`waterfall`]: one launch of each stack, phase after phase.
//! 7. [`phases`]: what the time of all launches goes to.
//! 8. [`order`]: whether the machine was steady meanwhile.
//! 9. [`memory`]: what one more idle instance costs, line by line.
//! 10. `panel.rs`, [`density`]: how many instances fit, and how quickly they start side by side.
//! 11. [`ladder`]: what each rung of the two walls costs.
//! 12. [`tax`]: what one operation costs once the work runs.
//! 13. [`peers`]: ours beside the programs of other makers.
//! 14. [`png`]: the same drawing as pixels.
//!
//! Text stays text in the file (`<text>`, in the reader's own sans-serif font), so the widths of words
//! are estimates, made on the generous side.

mod axis;
mod canvas;
pub mod density;
pub mod ecdf;
mod ink;
pub mod ladder;
pub mod memory;
pub mod order;
mod panel;
pub mod peers;
pub mod phases;
pub mod png;
mod spread;
pub mod tax;
pub mod waterfall;

pub(crate) use ink::theme;

/// The run's circumstances, as both captions state them.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The work that was run.
    pub workload: &'a str,
    /// The machine, in one line; says "nested" where it is.
    pub host: &'a str,
}
