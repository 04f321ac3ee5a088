//! The machine that runs a filter, as the kernel has it, for the instructions that filters use. What the kernel would
//! refuse to load fails the test.

use libc::sock_filter;

/// `struct seccomp_data`: what a filter sees of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub number: u32,
    pub architecture: u32,
    pub arguments: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.architecture,
            16..64 if offset.is_multiple_of(4) => {
                let argument = self.arguments[(offset as usize - 16) / 8];
                (if offset.is_multiple_of(8) { argument } else { argument >> 32 }) as u32
            }
            _ => panic!("a filter must not read at {offset}"),
        }
    }
}

/// The filter's answer to a call, and after how many instructions.
pub fn run(program: &[sock_filter], call: &Call) -> (u32, usize) {
    let mut a = 0;
    let mut at = 0;
    for count in 1.. {
        let sock_filter { code, jt, jf, k } = program[at];
        at += 1;
        let either = |yes| usize::from(if yes { jt } else { jf });
        at += match code {
            0x20 => {
                a = call.word(k);
                0
            }
            0x54 => {
                a &= k;
                0
            }
            0x05 => k as usize,
            0x15 => either(a == k),
            0x25 => either(a > k),
            0x35 => either(a >= k),
            0x06 => return (k, count),
            _ => panic!("an instruction {code:#x} that no filter here needs"),
        };
    }
    unreachable!("jumps go forward only")
}
