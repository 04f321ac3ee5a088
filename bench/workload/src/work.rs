//! The work itself: the same machine code in every stack.

/// The size of a page, in bytes: what `touch` steps by (x86-64).
pub const PAGE: usize = 4096;

/// Does `turns` turns of integer work and returns a checksum that depends on each of them.
///
/// One turn is a multiply, an add, a shift and an exclusive or, each waiting for the one before
/// (a linear congruential step with Knuth's constants, then a fold of the high bits): it neither
/// vectorises nor touches memory, so it costs the same cycles wherever the CPU itself runs it.
#[inline(never)]
pub fn cpu(turns: u64) -> u64 {
    let mut state = 0x0123_4567_89ab_cdef_u64;
    for _ in 0..turns {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^= state >> 33;
    }
    state
}

/// Writes one byte to each page of `memory`, so that the kernel or the hypervisor must provide it.
#[inline(never)]
pub fn touch(memory: &mut [u8]) {
    for byte in memory.iter_mut().step_by(PAGE) {
        *core::hint::black_box(byte) = 1;
    }
}

/// The line that `cpu` prints: the checksum as 16 hexadecimal digits.
pub fn checksum_line(checksum: u64) -> [u8; 26] {
    let mut line = *b"checksum 0000000000000000\n";
    for (place, digit) in line[9..25].iter_mut().enumerate() {
        let nibble = (checksum >> (60 - 4 * place)) & 0xf;
        *digit = b"0123456789abcdef"[nibble as usize];
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_depends_on_every_turn() {
        assert_ne!(cpu(1_000), cpu(1_001));
        assert_eq!(cpu(0), 0x0123_4567_89ab_cdef);
    }

    #[test]
    fn the_checksum_is_printed_in_sixteen_digits() {
        assert_eq!(&checksum_line(0xdead), b"checksum 000000000000dead\n");
    }

    #[test]
    fn every_page_is_written() {
        let mut memory = [0_u8; 3 * PAGE];
        touch(&mut memory);
        assert!(memory.chunks(PAGE).all(|page| page[0] == 1));
    }
}
