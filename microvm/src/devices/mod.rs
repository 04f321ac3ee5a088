//! The three devices of a VM, one a file. A guest that prints needs the first, the lab needs the second, and
//! without the third no guest would end.

pub mod exit;
pub mod mark;
pub mod serial;
