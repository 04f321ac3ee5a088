//! An amount of memory as a command line gives it.

use std::str::FromStr;

/// An amount of memory, in bytes; read from text such as `64m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// The text is no size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a size is a number of bytes, or a number with k, m, g or t (powers of 1024), such as 128m")]
pub struct NotASize;

impl FromStr for Size {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let (digits, shift) = match text.as_bytes().last().map(u8::to_ascii_lowercase) {
            Some(b'k') => (&text[..text.len() - 1], 10),
            Some(b'm') => (&text[..text.len() - 1], 20),
            Some(b'g') => (&text[..text.len() - 1], 30),
            Some(b't') => (&text[..text.len() - 1], 40),
            _ => (text, 0),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotASize);
        }
        let number: u64 = digits.parse().map_err(|_| NotASize)?;
        number.checked_mul(1 << shift).filter(|&bytes| bytes > 0).map(Size).ok_or(NotASize)
    }
}
