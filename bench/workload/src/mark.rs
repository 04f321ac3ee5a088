//! Marks: single bytes on standard output that the lab stamps as they arrive.
//!
//! They are ASCII control characters, which no workload prints and which a terminal does not show:
//! "start of text", "acknowledge" and "end of transmission" (ECMA-48 / ISO 646).

/// The workload's first instruction.
pub const BEGIN: u8 = 0x02;
/// The work is done; a kind that holds has touched its memory and now waits.
pub const READY: u8 = 0x06;
/// The workload is about to exit.
pub const END: u8 = 0x04;
