//! Quantiles: the value below which a given share of a sample lies.
//!
//! There are nine definitions in use (R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical
//! Packages", The American Statistician 50(4), 1996). This is their type 7, which numpy, pandas and R
//! take unless told otherwise: the sorted values are spread evenly over 0 to 1 and joined by lines.

/// A sample that has at least one value, in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// Sorts `values`; `None` when there are none.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Option<Sorted> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        (!values.is_empty()).then_some(Sorted(values))
    }

    /// The values, ascending.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The smallest value.
    pub fn min(&self) -> f64 {
        self.0[0]
    }

    /// The largest value.
    pub fn max(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    /// The quantile at `share`, from 0 (the smallest value) to 1 (the largest).
    pub fn quantile(&self, share: f64) -> f64 {
        let place = share.clamp(0.0, 1.0) * (self.0.len() - 1) as f64;
        let below = self.0[place as usize];
        let above = self.0[(place as usize + 1).min(self.0.len() - 1)];
        // Held to `above`: between two equal values, rounding must not step outside of them.
        (below + (above - below) * place.fract()).min(above)
    }

    /// Half of the values lie below it.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    /// The expected values are `numpy.quantile(values, share)` of numpy 2.4, printed in full.
    #[test]
    fn quantiles_are_those_of_numpy() {
        let values = [0.61, 9.3, 1.54, 0.93, 0.86, 4.7, 1.36, 20.8];
        let sample = Sorted::new(values).unwrap();
        let numpy = [(0.0, 0.61), (0.05, 0.6975), (0.25, 0.9125), (0.5, 1.45), (0.95, 16.775), (1.0, 20.8)];
        for (share, expected) in numpy {
            close(sample.quantile(share), expected);
        }
    }

    #[test]
    fn one_value_is_every_quantile_and_none_has_no_quantile() {
        let one = Sorted::new([3.5]).unwrap();
        for share in [0.0, 0.5, 0.95, 1.0] {
            close(one.quantile(share), 3.5);
        }
        assert_eq!(Sorted::new([]), None);
    }

    proptest! {
        #[test]
        fn quantiles_rise_with_the_share_and_stay_inside_the_sample(
            values in prop::collection::vec(-1e9..1e9, 1..60), a in 0.0..=1.0, b in 0.0..=1.0,
        ) {
            let sample = Sorted::new(values).unwrap();
            let (low, high): (f64, f64) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(sample.quantile(low) <= sample.quantile(high));
            prop_assert!(sample.min() <= sample.quantile(low) && sample.quantile(high) <= sample.max());
        }
    }
}
