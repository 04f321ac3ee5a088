//! Quantities other than time, for criterion (its `Measurement` trait): its baselines and comparisons then work for
//! bytes as they do for seconds.

use criterion::Throughput;
use criterion::measurement::{Measurement, ValueFormatter};

/// A quantity that a gauge shows; a measurement is by how much it rises.
pub struct Amount {
    gauge: Box<dyn Fn() -> f64>,
    units: Units,
}

/// The units to choose from, ascending: how many of the smallest one is, and its name.
#[derive(Clone, Copy)]
pub struct Units(pub &'static [(f64, &'static str)]);

/// Bytes.
pub const BYTES: Units =
    Units(&[(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB")]);

impl Amount {
    /// What this gauge shows, in these units.
    pub fn new(units: Units, gauge: impl Fn() -> f64 + 'static) -> Amount {
        Amount { gauge: Box::new(gauge), units }
    }
}

impl Measurement for Amount {
    type Intermediate = f64;
    type Value = f64;

    fn start(&self) -> f64 {
        (self.gauge)()
    }

    fn end(&self, before: f64) -> f64 {
        (self.gauge)() - before
    }

    fn add(&self, a: &f64, b: &f64) -> f64 {
        a + b
    }

    fn zero(&self) -> f64 {
        0.0
    }

    fn to_f64(&self, value: &f64) -> f64 {
        *value
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &self.units
    }
}

impl ValueFormatter for Units {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        let fits = |&&(size, _): &&(f64, &str)| size <= typical.abs();
        let &(size, name) = self.0.iter().rev().find(fits).unwrap_or(&self.0[0]);
        for value in values {
            *value /= size;
        }
        name
    }

    /// A rate of a quantity that is no time has no meaning: the quantity is shown.
    fn scale_throughputs(&self, typical: f64, _: &Throughput, values: &mut [f64]) -> &'static str {
        self.scale_values(typical, values)
    }

    fn scale_for_machines(&self, _: &mut [f64]) -> &'static str {
        self.0[0].1
    }
}
