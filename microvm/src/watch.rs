//! Watches a Linux guest's console for the words with which its kernel panics.
//!
//! After a panic the kernel restarts, exactly as it does when somebody asks it to: only the words tell the
//! two apart.

use std::io::{self, Write};

/// How a panic begins. Its first letter does not come again, so a search that fails starts anew.
const WORDS: &[u8] = b"Kernel panic - not syncing";

/// A writer that remembers whether the words went by.
#[derive(Debug)]
pub struct Watch<W> {
    to: W,
    /// How many of the words' bytes have just been seen.
    matched: usize,
}

impl<W> Watch<W> {
    /// Watches what goes to `to`.
    pub fn new(to: W) -> Watch<W> {
        Watch { to, matched: 0 }
    }

    /// Whether the kernel has panicked.
    pub fn has_panicked(&self) -> bool {
        self.matched == WORDS.len()
    }

    fn see(&mut self, byte: u8) {
        self.matched = match WORDS.get(self.matched) {
            None => return,
            Some(&next) if next == byte => self.matched + 1,
            Some(_) => usize::from(byte == WORDS[0]),
        };
    }
}

impl<W: Write> Write for Watch<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        bytes[..written].iter().for_each(|&byte| self.see(byte));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panicked(writes: &[&str]) -> bool {
        let mut watch = Watch::new(Vec::new());
        for text in writes {
            watch.write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(watch.to, writes.concat().into_bytes());
        watch.has_panicked()
    }

    #[test]
    fn the_words_are_found_in_pieces_and_nothing_else_is() {
        assert!(panicked(&["[ 1.0] Kernel panic - not syncing: VFS\n", "---\n"]));
        assert!(panicked(&["KKernel pa", "nic - not sy", "ncing"]));
        assert!(!panicked(&["Kernel panic - not sync\n", "ing"]));
        assert!(!panicked(&["reboot: Restarting system\n"]));
    }
}
