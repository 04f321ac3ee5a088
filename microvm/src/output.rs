//! What the guest writes, on its way to the VMM's standard output.
//!
//! The serial port and the mark port both end here. Text goes out line by line (one `write(2)` a line,
//! not one a byte); a mark goes out at once, after the text that came before it. So whoever reads standard
//! output sees everything in the order in which the guest wrote it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The end of the line, shared by the devices that write to it.
pub type Shared<W> = Arc<Mutex<Output<W>>>;

/// Text that never ends its line is written out when it has grown to so many bytes.
const LONGEST_LINE: usize = 4096;

/// Locks what devices share. A thread that panicked while it held the lock changes nothing: the state behind
/// it is complete after every byte.
pub fn lock<T: ?Sized>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A writer, and the text that waits for the end of its line.
#[derive(Debug)]
pub struct Output<W> {
    to: W,
    line: Vec<u8>,
    /// How long a line may grow before it is written out.
    longest: usize,
}

impl<W: Write> Output<W> {
    /// An output to `to`, which should not buffer, to be shared by devices.
    pub fn shared(to: W) -> Shared<W> {
        Arc::new(Mutex::new(Output { to, line: Vec::new(), longest: LONGEST_LINE }))
    }

    /// From now on each byte of text is written at once: somebody types, and wants to see the echo.
    pub fn interactive(&mut self) {
        self.longest = 1;
    }

    /// Adds a byte of text; the end of a line is written out.
    pub fn text(&mut self, byte: u8) -> io::Result<()> {
        self.line.push(byte);
        if byte == b'\n' || self.line.len() >= self.longest { self.flush() } else { Ok(()) }
    }

    /// Writes a mark, now.
    pub fn mark(&mut self, byte: u8) -> io::Result<()> {
        self.flush()?;
        self.to.write_all(&[byte])
    }

    /// Writes the text that waits.
    pub fn flush(&mut self) -> io::Result<()> {
        // What could not be written is not tried again: whoever flushes at the end must not wait for it.
        let written = if self.line.is_empty() { Ok(()) } else { self.to.write_all(&self.line) };
        self.line.clear();
        written
    }

    /// What it writes to.
    pub fn to(&self) -> &W {
        &self.to
    }
}

/// Standard output without a buffer: `write(2)` on descriptor 1.
#[derive(Clone, Copy, Debug)]
pub struct StandardOutput;

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(rustix::stdio::stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_waits_for_its_line_and_a_mark_waits_for_nothing() {
        let output = Output::shared(Vec::new());
        let mut output = lock(&output);
        for &byte in b"one\ntwo" {
            output.text(byte).unwrap();
        }
        assert_eq!(output.to(), b"one\n");
        output.mark(6).unwrap();
        assert_eq!(output.to(), b"one\ntwo\x06");
        output.flush().unwrap();
        assert_eq!(output.to(), b"one\ntwo\x06");
    }

    #[test]
    fn text_without_an_end_does_not_pile_up() {
        let output = Output::shared(Vec::new());
        let mut output = lock(&output);
        for _ in 1..LONGEST_LINE {
            output.text(b'x').unwrap();
        }
        assert!(output.to().is_empty());
        output.text(b'x').unwrap();
        assert_eq!(output.to().len(), LONGEST_LINE);
        output.interactive();
        output.text(b'$').unwrap();
        assert_eq!(output.to().len(), LONGEST_LINE + 1);
    }
}
