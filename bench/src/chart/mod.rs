//! The drawings: figures in, the text of an SVG out. No file, no clock, no randomness.
//!
//! 1. `canvas.rs`: a white sheet with a title, text and captions.
//! 2. `ink.rs`: colours, and for those who see none: markers, dashes and hatching.
//! 3. `axis.rs`: where a number lies on a line, and which numbers are written at it.
//! 4. `spread.rs`: labels side by side without overlap.
//! 5. [`ecdf`]: how long until the workload's first instruction, for every launch of every stack.
//! 6. [`phases`]: what that time, and the time after it, goes to.
//! 7. [`order`]: whether the machine was steady meanwhile.
//! 8. [`memory`]: what one more idle instance costs, line by line.
//! 9. `panel.rs`, [`density`]: how many instances fit, and how quickly they start side by side.
//! 10. [`ladder`]: what each rung of the two walls costs.
//! 11. [`tax`]: what one operation costs once the work runs.
//! 12. [`peers`]: ours beside the programs of other makers.
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
mod spread;
pub mod tax;

/// The run's circumstances, as both captions state them.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The work that was run.
    pub workload: &'a str,
    /// The machine, in one line; says "nested" where it is.
    pub host: &'a str,
}
