//! Conditions on arguments. An argument has 64 bits and the machine's register 32, so one comparison is two: the high
//! halves decide unless they are equal, then the low ones do. For programs of 32 bits only the low halves count.

use super::bpf::{Assembler, Target, Test};
use super::property;
use crate::error::Error;
use oci_spec::runtime::LinuxSeccompArg;
use oci_spec::runtime::LinuxSeccompOperator::{
    self as Operator, ScmpCmpEq, ScmpCmpGe, ScmpCmpGt, ScmpCmpLe, ScmpCmpLt, ScmpCmpMaskedEq, ScmpCmpNe,
};
use std::fmt::Display;

/// Arguments a system call has at most.
pub(super) const ARGUMENTS: usize = 6;

/// Where the arguments begin in `struct seccomp_data`, and how far the halves of one are apart on a little-endian
/// machine.
const FIRST: u32 = 16;
const SIZE: u32 = 8;
const HIGH: u32 = 4;

/// One condition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition {
    pub index: u32,
    operator: Operator,
    value: u64,
    mask: u64,
}

impl Condition {
    pub fn new(given: &LinuxSeccompArg, of: impl Display) -> Result<Self, Error> {
        if given.index() >= ARGUMENTS {
            return Err(property(
                format_args!("{of}.index"),
                format_args!("no call has an argument {}: they are 0 to {}", given.index(), ARGUMENTS - 1),
            ));
        }
        let index = given.index() as u32;
        let (value, mask) = match given.op() {
            ScmpCmpMaskedEq => (given.value_two().unwrap_or(0), given.value()),
            _ => (given.value(), u64::MAX),
        };
        Ok(Condition { index, operator: given.op(), value, mask })
    }

    /// The first argument is this number.
    pub const fn first_is(value: u64) -> Self {
        Condition { index: 0, operator: ScmpCmpEq, value, mask: u64::MAX }
    }

    /// Whether one reading of the argument serves both.
    pub fn shares_with(self, other: Self) -> bool {
        let key = |one: Self| (one.operator, one.index, one.value >> 32);
        self.operator == ScmpCmpEq && key(self) == key(other)
    }

    /// Adds the comparison, which goes on at `yes` or at `no`. The `others` share the reading: one that holds is
    /// enough.
    pub fn assemble(
        self,
        others: &[Condition],
        program: &mut Assembler,
        narrow: bool,
        yes: Target,
        no: Target,
    ) -> Target {
        // Less is not greater-or-equal.
        let (test, yes, no) = match self.operator {
            ScmpCmpEq | ScmpCmpMaskedEq => (Test::Equal, yes, no),
            ScmpCmpNe => (Test::Equal, no, yes),
            ScmpCmpGt => (Test::Greater, yes, no),
            ScmpCmpLe => (Test::Greater, no, yes),
            ScmpCmpGe => (Test::GreaterOrEqual, yes, no),
            ScmpCmpLt => (Test::GreaterOrEqual, no, yes),
        };
        let offset = FIRST + SIZE * self.index;
        let other = others.iter().fold(no, |no, other| program.branch(test, other.value as u32, yes, no));
        let low = program.branch(test, self.value as u32, yes, other);
        let low = self.load(program, offset, self.mask as u32, low);
        if narrow {
            return low;
        }
        let high = (self.value >> 32) as u32;
        let equal = program.branch(Test::Equal, high, low, no);
        let decided = match test {
            Test::Equal => equal,
            Test::Greater | Test::GreaterOrEqual => program.branch(Test::Greater, high, yes, equal),
        };
        self.load(program, offset + HIGH, (self.mask >> 32) as u32, decided)
    }

    fn load(self, program: &mut Assembler, offset: u32, mask: u32, next: Target) -> Target {
        let next = if self.operator == ScmpCmpMaskedEq { program.mask(mask, next) } else { next };
        program.load(offset, next)
    }
}
