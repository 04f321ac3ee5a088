//! Kinds of work: a word and, for most, a number.

/// One kind of work with its size, as given on a command line (`cpu 1000000`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Does nothing: what is left is the price of the stack.
    Noop,
    /// So many turns of fixed integer work ([`crate::work::cpu`]); prints its checksum.
    Cpu(u64),
    /// So many system calls: the border between a process and its kernel.
    Syscall(u64),
    /// So many turns of another process, each of which gives the turn back: context switches.
    Switch(u64),
    /// So many pages of memory, each touched and taken back: page faults.
    Fault(u64),
    /// So many reads of a page of a file: that of the program itself, which is in every root.
    Read(u64),
    /// So many port writes: the border between a guest and its VMM (unikernel only).
    Cross(u64),
    /// Touches every page of so many MiB, then holds until standard input ends.
    Touch(u64),
    /// Holds until standard input ends.
    Wait,
}

impl Kind {
    /// Reads a kind from its word and its number. `None`: the word is unknown, the number is missing,
    /// superfluous or no decimal of at most 64 bits.
    pub fn parse(word: &[u8], number: Option<&[u8]>) -> Option<Kind> {
        match (word, number) {
            (b"noop", None) => Some(Kind::Noop),
            (b"wait", None) => Some(Kind::Wait),
            (b"cpu", Some(n)) => decimal(n).map(Kind::Cpu),
            (b"syscall", Some(n)) => decimal(n).map(Kind::Syscall),
            (b"switch", Some(n)) => decimal(n).map(Kind::Switch),
            (b"fault", Some(n)) => decimal(n).map(Kind::Fault),
            (b"read", Some(n)) => decimal(n).map(Kind::Read),
            (b"cross", Some(n)) => decimal(n).map(Kind::Cross),
            (b"touch", Some(n)) => decimal(n).map(Kind::Touch),
            _ => None,
        }
    }

    /// Whether this kind asks something of a kernel, again and again.
    pub const fn needs_a_kernel(self) -> bool {
        matches!(self, Kind::Syscall(_) | Kind::Switch(_) | Kind::Fault(_) | Kind::Read(_))
    }

    /// Whether this kind, once ready, holds until its standard input ends.
    pub const fn holds(self) -> bool {
        matches!(self, Kind::Touch(_) | Kind::Wait)
    }
}

/// Reads an unsigned decimal number; `None` when empty, too large or not made of digits.
pub fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_needs_its_number_and_no_other() {
        assert_eq!(Kind::parse(b"noop", None), Some(Kind::Noop));
        assert_eq!(Kind::parse(b"cpu", Some(b"42")), Some(Kind::Cpu(42)));
        assert_eq!(Kind::parse(b"cpu", None), None);
        assert_eq!(Kind::parse(b"wait", Some(b"1")), None);
        assert_eq!(Kind::parse(b"dance", Some(b"1")), None);
    }

    #[test]
    fn a_number_is_decimal_and_fits_64_bits() {
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), None);
        assert_eq!(decimal(b""), None);
        assert_eq!(decimal(b"-1"), None);
        assert_eq!(decimal(b"1e3"), None);
    }
}
