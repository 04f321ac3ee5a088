//! The machine that runs a filter: classic BPF (the kernel's `Documentation/networking/filter.rst` and
//! `userspace-api/seccomp_filter.rst`). It has one register that matters here, A, and reads `struct seccomp_data`:
//! the number of the call, the architecture, and the six arguments of 64 bits.
//!
//! Jumps go forward only, and a conditional one reaches 255 instructions. So a program is put together **from its end**:
//! where an instruction jumps to is there already, with its distance known, and what is too far gets a stepping stone
//! (an unconditional jump, which reaches everything) right behind the instruction that needs it.

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W,
    sock_filter,
};

/// How A is compared with a constant, unsigned.
#[derive(Debug, Clone, Copy)]
pub(super) enum Test {
    Equal = BPF_JEQ as isize,
    Greater = BPF_JGT as isize,
    GreaterOrEqual = BPF_JGE as isize,
}

/// Where to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The end of the filter, with this answer to the kernel.
    Return(u32),
    /// An instruction that is there already, counted from the end.
    At(usize),
}

/// The farthest that a conditional jump reaches.
const REACH: usize = u8::MAX as usize;

/// A program, last instruction first.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    reversed: Vec<sock_filter>,
    /// The answers given so far, and where the latest instruction is that gives each.
    returns: Vec<(u32, usize)>,
}

impl Assembler {
    /// Compares A with `constant`.
    pub fn branch(&mut self, test: Test, constant: u32, yes: Target, no: Target) -> Target {
        if yes == no {
            return yes;
        }
        // A stepping stone for `no` would move this instruction one further away from `yes`.
        let yes = self.near(yes, 1);
        let no = self.near(no, 0);
        let code = BPF_JMP | test as u32 | BPF_K;
        self.push(code, self.distance(yes) as u8, self.distance(no) as u8, constant)
    }

    /// Reads four bytes of `struct seccomp_data` into A, and goes on at `next`.
    pub fn load(&mut self, offset: u32, next: Target) -> Target {
        self.fall(next);
        self.push(BPF_LD | BPF_W | BPF_ABS, 0, 0, offset)
    }

    /// Keeps the bits of A that are in `mask`, and goes on at `next`.
    pub fn mask(&mut self, mask: u32, next: Target) -> Target {
        self.fall(next);
        self.push(BPF_ALU | BPF_AND | BPF_K, 0, 0, mask)
    }

    /// The program in the kernel's order; it starts with what was added last, which must be `entry`.
    pub fn finish(mut self, entry: Target) -> Vec<sock_filter> {
        self.fall(entry);
        self.reversed.reverse();
        self.reversed
    }

    /// How many instructions there are.
    pub fn len(&self) -> usize {
        self.reversed.len()
    }

    /// Makes `target` what follows the instruction to be added next.
    fn fall(&mut self, target: Target) {
        match target {
            Target::At(place) if place + 1 == self.len() => {}
            Target::At(place) => {
                self.push(BPF_JMP | BPF_JA, 0, 0, self.distance(place) as u32);
            }
            Target::Return(answer) => {
                self.answer(answer);
            }
        }
    }

    /// The place of `target`, or of a stepping stone to it, in reach of a conditional jump that comes after at most
    /// `between` other instructions.
    fn near(&mut self, target: Target, between: usize) -> usize {
        let known = match target {
            Target::At(place) => Some(place),
            Target::Return(answer) => {
                self.returns.iter().find(|&&(known, _)| known == answer).map(|&(_, place)| place)
            }
        };
        match (known, target) {
            (Some(place), _) if self.distance(place) + between <= REACH => place,
            (_, Target::Return(answer)) => self.answer(answer),
            (_, Target::At(place)) => {
                self.push(BPF_JMP | BPF_JA, 0, 0, self.distance(place) as u32);
                self.len() - 1
            }
        }
    }

    /// Adds an end with this answer, and returns its place.
    fn answer(&mut self, answer: u32) -> usize {
        let place = self.len();
        self.push(BPF_RET | BPF_K, 0, 0, answer);
        match self.returns.iter_mut().find(|(known, _)| *known == answer) {
            Some((_, latest)) => *latest = place,
            None => self.returns.push((answer, place)),
        }
        place
    }

    /// How many instructions lie between `place` and the one to be added next.
    fn distance(&self, place: usize) -> usize {
        self.len() - place - 1
    }

    fn push(&mut self, code: u32, jt: u8, jf: u8, k: u32) -> Target {
        self.reversed.push(sock_filter { code: code as u16, jt, jf, k });
        Target::At(self.len() - 1)
    }
}
