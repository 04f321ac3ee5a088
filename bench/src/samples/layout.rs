//! How `samples.json` is laid out: fields and launches on lines of their own, each launch on one line,
//! so that people can read it, `grep` can find in it and `git diff` can show it.

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// Values nested no deeper than this begin a line.
const BROKEN_LEVELS: usize = 2;

/// The JSON of `value`, one line for each value of its fields, ended by a line feed.
pub(super) fn one_launch_a_line(value: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut text, Lines::default()))
        .expect("text keys and finite numbers always become JSON");
    text.push(b'\n');
    text
}

#[derive(Default)]
struct Lines {
    depth: usize,
    has_values: bool,
}

impl Lines {
    fn open<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_values = false;
        writer.write_all(bracket)
    }

    fn next<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        let comma: &[u8] = match (first, self.depth <= BROKEN_LEVELS) {
            (true, _) => b"",
            (false, true) => b",",
            (false, false) => b", ",
        };
        writer.write_all(comma)?;
        self.line(writer)
    }

    fn close<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        let broken = self.depth <= BROKEN_LEVELS && self.has_values;
        self.depth -= 1;
        if broken {
            self.line(writer)?;
        }
        self.has_values = true;
        writer.write_all(bracket)
    }

    fn line<W: ?Sized + Write>(&self, writer: &mut W) -> io::Result<()> {
        if self.depth <= BROKEN_LEVELS {
            write!(writer, "\n{:1$}", "", 2 * self.depth)?;
        }
        Ok(())
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_values = true;
        Ok(())
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_values = true;
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }
}
