//! Booting: what a guest finds when its first instruction runs.
//!
//! The Linux 64-bit boot protocol, for the unikernel and for Linux itself: the ELF's segments in memory, a zero
//! page that says where the command line is and which memory there is, and a CPU in long mode with `rsi` pointing
//! at the zero page. The guest's ELF entry is its 64-bit entry. (`firecracker` boots kernels in the same way.)
//! [`pvh`] is the other protocol that Linux knows.

pub mod acpi;
pub mod e820;
pub mod image;
pub mod initrd;
pub mod kernel;
pub mod linux;
pub mod long_mode;
pub mod mp_table;
pub mod pvh;
