//! The few instructions of the kernel's virtual machine that a device program needs
//! (the kernel's `Documentation/bpf/standardization/instruction-set.rst`).
//!
//! Each is eight bytes: what to do, two registers of four bits, a jump's distance, a constant. Register 1 is
//! the argument at the start, register 0 the result at the end.

/// One instruction, laid out as `struct bpf_insn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Instruction {
    pub(super) code: u8,
    /// The destination in the lower half, the source in the upper.
    pub(super) registers: u8,
    pub(super) offset: i16,
    pub(super) constant: i32,
}

// The classes of instructions, and within them the operations that are used here.
const LOAD: u8 = 0x01;
const JUMP: u8 = 0x05;
const ALU64: u8 = 0x07;
const WORD_FROM_MEMORY: u8 = 0x60;
pub(super) const JUMP_ALWAYS: u8 = JUMP;
pub(super) const JUMP_IF_NOT_EQUAL: u8 = 0x50 | JUMP;
pub(super) const JUMP_IF_ANY_BIT: u8 = 0x40 | JUMP;
pub(super) const EXIT: u8 = 0x90 | JUMP;
pub(super) const MOVE: u8 = 0xb0 | ALU64;
pub(super) const AND: u8 = 0x50 | ALU64;
pub(super) const SHIFT_RIGHT: u8 = 0x70 | ALU64;
/// The operand is a register, not the constant.
const FROM_REGISTER: u8 = 0x08;

impl Instruction {
    /// `destination = *(u32 *)(source + offset)`.
    pub(super) const fn load(destination: u8, source: u8, offset: i16) -> Self {
        let registers = destination | source << 4;
        Self { code: LOAD | WORD_FROM_MEMORY, registers, offset, constant: 0 }
    }

    /// `destination = source`.
    pub(super) const fn copy(destination: u8, source: u8) -> Self {
        Self { code: MOVE | FROM_REGISTER, registers: destination | source << 4, offset: 0, constant: 0 }
    }

    /// An operation on `register` and a constant.
    pub(super) const fn with(code: u8, register: u8, constant: i32) -> Self {
        Self { code, registers: register, offset: 0, constant }
    }

    /// A comparison of `register` and a constant that skips `offset` instructions when it holds.
    pub(super) const fn jump(code: u8, register: u8, constant: i32, offset: i16) -> Self {
        Self { code, registers: register, offset, constant }
    }
}
