//! The devices of a VM, one a file. A guest that prints needs [`serial`], the lab needs [`mark`], and without
//! [`exit`] no guest would end. A Linux guest has a [`tty`] in the serial port's place and one more for signals, a
//! [`keyboard`] controller to restart by, a [`power`] switch, a [`clock`] that spares it a wait, a [`phase`] port
//! to say how far it is, a [`usage`] port to say who has its memory, and an [`input`] port to fetch the VMM's standard
//! input from.

pub mod clock;
pub mod exit;
pub mod input;
pub mod keyboard;
pub mod mark;
pub mod phase;
pub mod power;
pub mod serial;
pub mod tty;
pub mod usage;
pub mod virtio;
