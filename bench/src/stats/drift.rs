//! Did the machine drift while the run went on?
//!
//! The Mann-Kendall test (H. B. Mann, "Nonparametric Tests Against Trend", 1945; M. G. Kendall, "Rank Correlation
//! Methods") counts, over all pairs of launches, whether the later one took longer or shorter. It sees any trend up or
//! down, whatever its shape, and is not misled by outliers. Its p-value takes launches to be independent otherwise; where
//! neighbours resemble each other it is too small, so a drift is a reason to look at the run-order plot, not a proof.

use super::normal;

/// What the order of launches says about their values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// Kendall's tau-b of order and value: 1 when each launch took longer than all before it, -1 when shorter, 0 when
    /// neither prevails.
    pub tau: f64,
    /// Two-sided p-value of no trend, by the normal approximation with ties accounted for.
    pub p: f64,
}

/// With fewer values the normal approximation is none.
pub const FEWEST: usize = 10;

/// At or below this p-value a drift is told of.
pub const ALPHA: f64 = 0.01;

impl Drift {
    /// Tests `values`, in the order in which they were measured; `None` when there are fewer than [`FEWEST`] or all are
    /// equal.
    pub fn of(values: &[f64]) -> Option<Drift> {
        let n = values.len() as u64;
        let pairs = n * n.saturating_sub(1) / 2;
        let mut sorted = values.to_vec();
        // A stable merge sort moves a value past each larger one before it, once: those are the falling pairs.
        let falling = sort_counting(&mut sorted);
        let equal = || sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|group| group.len() as u64);
        let tied: u64 = equal().map(|t| t * (t - 1) / 2).sum();
        if values.len() < FEWEST || tied == pairs {
            return None;
        }
        let score = (pairs - tied - falling) as f64 - falling as f64;
        let spread = |n: u64| (n * (n - 1) * (2 * n + 5)) as f64;
        let variance = (spread(n) - equal().map(spread).sum::<f64>()) / 18.0;
        Some(Drift {
            tau: score / ((pairs - tied) as f64 * pairs as f64).sqrt(),
            p: normal::two_sided(score / variance.sqrt()),
        })
    }

    /// Whether to tell of it.
    pub fn is_there(self) -> bool {
        self.p <= ALPHA
    }
}

/// Sorts, and counts the pairs of which the first was larger (W. R. Knight, "A Computer Method for Calculating Kendall's
/// Tau with Ungrouped Data", 1966).
fn sort_counting(values: &mut [f64]) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(values.len() / 2);
    let mut larger = sort_counting(left) + sort_counting(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < left.len() && j < right.len() {
        if left[i] <= right[j] {
            merged.push(left[i]);
            i += 1;
        } else {
            larger += (left.len() - i) as u64;
            merged.push(right[j]);
            j += 1;
        }
    }
    merged.extend_from_slice(&left[i..]);
    merged.extend_from_slice(&right[j..]);
    values.copy_from_slice(&merged);
    larger
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: `scipy.stats.kendalltau(range(n), values, method="asymptotic")` of scipy 1.17.
    #[test]
    fn tau_and_p_are_those_of_scipy() {
        let close = |values: &[f64], tau: f64, p: f64| {
            let drift = Drift::of(values).unwrap();
            assert!((drift.tau - tau).abs() < 1e-12 && (drift.p / p - 1.0).abs() < 1e-9, "{drift:?}");
        };
        let no_ties: Vec<f64> = (0..60).map(|i| 0.5 + f64::from(i * 37 % 101) * 0.01).collect();
        close(&no_ties, 0.046_327_683_615_819_21, 0.600_981_143_049_365_6);
        close(
            &[3.0, 1.0, 2.0, 2.0, 5.0, 4.0, 4.0, 4.0, 6.0, 1.0],
            0.282_842_712_474_619,
            0.271_985_887_786_536_1,
        );
        let rising: Vec<f64> = (0..12).map(f64::from).collect();
        close(&rising, 1.0, 6.017_082_595_476_147e-6);
        assert!(Drift::of(&rising).unwrap().is_there() && !Drift::of(&no_ties).unwrap().is_there());
    }

    #[test]
    fn falling_is_as_much_a_drift_as_rising() {
        let drift = Drift::of(&(0..20).map(|i| f64::from(-i)).collect::<Vec<_>>()).unwrap();
        assert!((drift.tau + 1.0).abs() < 1e-12 && drift.is_there());
    }

    #[test]
    fn few_values_and_equal_ones_say_nothing() {
        assert_eq!(Drift::of(&[]), None);
        assert_eq!(Drift::of(&[1.0; 9]), None);
        assert_eq!(Drift::of(&[1.0; 50]), None);
    }
}
