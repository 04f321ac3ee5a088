//! How far a quantile could have come out otherwise, for any quantile: intervals between two values of the sample.
//!
//! How many of n launches lie below the true quantile at `share` is binomial, whatever the distribution of times. So two
//! ranks can be chosen between which it lies in at least 95 % of runs (H. A. David and H. N. Nagaraja, "Order
//! Statistics", section 7.1; W. J. Conover, "Practical Nonparametric Statistics"). Unlike a bootstrap this cannot be
//! fooled in the tail: where the sample is too small to have an upper end, there is none, and it says so.

use super::bootstrap::CONFIDENCE;
use super::{Interval, Sorted};

/// The interval of the quantile at `share`; `None` when the sample has no value far enough out for one of its ends.
pub fn interval(sample: &Sorted, share: f64) -> Option<Interval> {
    let values = sample.values();
    let (low, high) = ranks(values.len(), share)?;
    Some(Interval { low: values[low - 1], high: values[high - 1] })
}

/// The ranks, from 1, of the interval's ends among `n` values: the first count that is not too few to be below, and the
/// one past the last that is not too many. `share` is neither 0 nor 1.
fn ranks(n: usize, share: f64) -> Option<(usize, usize)> {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    // The logarithm of the probability that exactly `count` values are below, from one count to the next.
    let mut exactly = n as f64 * (-share).ln_1p();
    let mut below = 0.0;
    let mut low = None;
    for count in 0..n {
        below += exactly.exp();
        exactly += ((n - count) as f64 / (count + 1) as f64).ln() + share.ln() - (-share).ln_1p();
        if low.is_none() && below >= tail {
            low = Some(count);
        }
        if below >= 1.0 - tail {
            return low.filter(|&low| low > 0).map(|low| (low, count + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: `scipy.stats.binom.ppf([0.025, 0.975], n, share)` of scipy 1.17, the upper one plus 1.
    #[test]
    fn the_ranks_are_those_of_scipy() {
        let scipy =
            [(200, 0.5, (86, 115)), (200, 0.95, (184, 197)), (100, 0.25, (17, 35)), (73, 0.95, (65, 73))];
        for (n, share, expected) in scipy {
            assert_eq!(ranks(n, share), Some(expected), "n = {n}, {share}");
        }
    }

    #[test]
    fn a_sample_without_an_end_far_enough_out_has_no_interval() {
        // scipy's upper ranks are 61 of 60, 31 of 30.
        assert_eq!(ranks(60, 0.95), None);
        assert_eq!(ranks(30, 0.95), None);
        assert_eq!(ranks(5, 0.5), None);
        assert_eq!(ranks(6, 0.5), Some((1, 6)));
    }

    #[test]
    fn its_ends_are_values_of_the_sample() {
        let sample = Sorted::new((1..=200).map(f64::from)).unwrap();
        assert_eq!(interval(&sample, 0.95), Some(Interval { low: 184.0, high: 197.0 }));
    }
}
