//! Architectures: the kernel tells a filter by whose rules the call was made (`AUDIT_ARCH_*` in `linux/audit.h`), as
//! one machine runs several: a program for x86-64 may at any moment make a call of 32-bit x86, where the same
//! number means something else.

use super::numbers::{self, Name};
use super::{property, x32};
use crate::error::Error;
use oci_spec::runtime::Arch;

/// Those that a profile may name here. All of the same byte order, so that one filter can serve them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    X86_64,
    X86,
    X32,
    Aarch64,
    Arm,
    Riscv64,
}

/// All of them, as the specification names them: `features` prints this list.
pub const KNOWN: [Arch; 6] = [
    Arch::ScmpArchX86_64,
    Arch::ScmpArchX86,
    Arch::ScmpArchX32,
    Arch::ScmpArchAarch64,
    Arch::ScmpArchArm,
    Arch::ScmpArchRiscv64,
];

/// The bit of `AUDIT_ARCH_*` that says: registers of 64 bits.
const WIDE: u32 = 0x8000_0000;

/// The table's name for what everybody else calls `newfstatat`.
const FSTATAT: Name = Name::new("fstatat");

/// What the kernel lets only ARM programs call, beyond the table.
const ARM_PRIVATE: [&str; 6] = ["breakpoint", "cacheflush", "usr26", "usr32", "set_tls", "get_tls"];
const ARM_PRIVATE_FIRST: u32 = 0x000f_0001;

impl Architecture {
    /// Whose programs this machine was made for.
    pub const NATIVE: Architecture = Architecture::X86_64;

    pub fn new(named: Arch, position: usize) -> Result<Self, Error> {
        match named {
            Arch::ScmpArchNative => Ok(Self::NATIVE),
            Arch::ScmpArchX86_64 => Ok(Self::X86_64),
            Arch::ScmpArchX86 => Ok(Self::X86),
            Arch::ScmpArchX32 => Ok(Self::X32),
            Arch::ScmpArchAarch64 => Ok(Self::Aarch64),
            Arch::ScmpArchArm => Ok(Self::Arm),
            Arch::ScmpArchRiscv64 => Ok(Self::Riscv64),
            other => Err(property(
                format_args!("architectures[{position}]"),
                format_args!(
                    "the numbers of {other} are not known here; leave it out: this machine has no such programs"
                ),
            )),
        }
    }

    /// What the kernel calls it. x32 has no name of its own.
    pub const fn token(self) -> u32 {
        match self {
            Self::X86_64 | Self::X32 => 0xc000_003e,
            Self::X86 => 0x4000_0003,
            Self::Aarch64 => 0xc000_00b7,
            Self::Arm => 0x4000_0028,
            Self::Riscv64 => 0xc000_00f3,
        }
    }

    /// The number of a system call, if it has this call.
    pub fn number(self, name: Name) -> Option<u32> {
        match self {
            Self::X86_64 => numbers::X86_64.number(name),
            Self::X32 => numbers::X86_64.number(name).and_then(x32::number),
            Self::X86 => numbers::X86.number(name),
            Self::Aarch64 => {
                let name = if name.text == "newfstatat" { FSTATAT } else { name };
                numbers::AARCH64.number(name)
            }
            Self::Arm => numbers::ARM.number(name).or_else(|| {
                let private = ARM_PRIVATE.iter().position(|&known| known == name.text)?;
                Some(ARM_PRIVATE_FIRST + private as u32)
            }),
            Self::Riscv64 => numbers::RISCV64.number(name),
        }
    }
}

/// Whether only the low halves of arguments count, for calls with this `number` by the rules of `token`.
pub(super) const fn narrow(token: u32, number: u32) -> bool {
    token & WIDE == 0 || token == Architecture::X32.token() && number & x32::BIT != 0
}
