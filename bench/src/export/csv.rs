//! Comma-separated values (RFC 4180): one row a launch, one column a field, nothing left out.

use crate::samples::SamplesFile;
use isolab_timeline::{Mark, Sample};
use std::fmt::Write;

/// The table. A mark that a launch does not have is an empty field, never zero.
pub fn text(file: &SamplesFile) -> String {
    let mut text = String::from("order,stack,workload,warmup,status,user_us,system_us");
    for mark in Mark::ALL {
        let _ = write!(text, ",{}_ns", name(mark));
    }
    text += ",invalid\n";
    file.samples.iter().for_each(|sample| row(&mut text, sample));
    text
}

fn row(text: &mut String, sample: &Sample) {
    let Sample { stack, workload, order, warmup, marks_ns, exit, invalid } = sample;
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "{order},{stack},{workload},{warmup},{},{},{}",
        exit.status, exit.user_us, exit.system_us
    );
    for mark in Mark::ALL {
        let _ = write!(text, ",{}", marks_ns.get(mark).map_or(String::new(), |at| at.to_string()));
    }
    let _ = writeln!(text, ",{}", quoted(invalid.as_deref().unwrap_or_default()));
}

/// The mark's name as samples.json has it.
fn name(mark: Mark) -> String {
    format!("{mark:?}").to_lowercase()
}

/// In quotes where a comma, a quote or a line's end would otherwise end the field.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}
