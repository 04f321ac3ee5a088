//! How far a median could have come out otherwise: percentile-bootstrap 95 % intervals.
//!
//! Draw as many values from the sample as it has, with replacement, and take their median; do that
//! [`RESAMPLES`] times; the interval runs from the 2.5 % to the 97.5 % quantile of what comes out
//! (B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13). It assumes
//! nothing about the shape of the distribution, which for start-up times is skewed and has several
//! modes. A ratio or difference of two medians gets its interval from pairs of such draws, each side drawn on its
//! own, because the launches of two stacks are independent.

use super::{Sorted, show};

/// How many resamples an interval is made of.
pub const RESAMPLES: usize = 10_000;

/// The share of intervals that cover the true median, in the long run.
pub const CONFIDENCE: f64 = 0.95;

/// With fewer values no interval is given: of 5, all lie on one side of the true median in 1 run of 16,
/// so not even the whole range of the sample covers it in 95 % of runs.
pub const FEWEST: usize = 6;

/// The method, as captions state it: "95 % interval (…)".
pub fn method() -> String {
    let percent = CONFIDENCE * 100.0;
    format!("{percent} % interval (percentile bootstrap, {} resamples)", show::thousands(RESAMPLES))
}

/// From `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies inside.
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// How many times as large one median is as another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The quotient of the two samples' medians.
    pub value: f64,
    /// Its 95 % interval; absent when either sample is too small for one.
    pub interval: Option<Interval>,
}

/// By how much one median is above another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The difference of the two samples' medians.
    pub value: f64,
    /// Its 95 % interval; absent when either sample is too small for one.
    pub interval: Option<Interval>,
}

/// The medians of [`RESAMPLES`] resamples, in the order in which they were drawn.
#[derive(Clone, Debug)]
pub struct Medians(Vec<f64>);

impl Medians {
    /// Resamples; `None` when `sample` has fewer values than [`FEWEST`].
    pub fn draw(sample: &Sorted, random: &mut fastrand::Rng) -> Option<Medians> {
        let values = sample.values();
        let n = values.len();
        // How often each value was drawn is all that the median of sorted values needs: no sorting.
        let mut drawn = vec![0_usize; n];
        let mut one = || {
            drawn.fill(0);
            (0..n).for_each(|_| drawn[random.usize(..n)] += 1);
            let (low, high) = middle(&drawn);
            f64::midpoint(values[low], values[high])
        };
        (n >= FEWEST).then(|| Medians((0..RESAMPLES).map(|_| one()).collect()))
    }

    /// Resamples that were drawn otherwise: any figure, once for each.
    pub(super) fn from_draws(draws: impl IntoIterator<Item = f64>) -> Medians {
        Medians(draws.into_iter().collect())
    }

    /// The standard deviation of their logarithms.
    pub(super) fn log_deviation(&self) -> f64 {
        let n = self.0.len() as f64;
        let mean = self.0.iter().map(|value| value.ln()).sum::<f64>() / n;
        let squares: f64 = self.0.iter().map(|value| (value.ln() - mean).powi(2)).sum();
        (squares / (n - 1.0)).sqrt()
    }

    /// The interval of the median.
    pub fn interval(&self) -> Interval {
        percentiles(self.0.iter().copied())
    }

    /// The interval of the ratio of this median to `base`.
    pub fn ratio_interval(&self, base: &Medians) -> Interval {
        percentiles(self.0.iter().zip(&base.0).map(|(above, below)| above / below))
    }

    /// The interval of the difference of this median and `base`.
    pub fn difference_interval(&self, base: &Medians) -> Interval {
        percentiles(self.0.iter().zip(&base.0).map(|(above, below)| above - below))
    }
}

/// The places, among sorted values drawn so many times each, of the two middle draws (one twice when
/// the number of draws is odd).
fn middle(drawn: &[usize]) -> (usize, usize) {
    let (first, second) = ((drawn.len() - 1) / 2, drawn.len() / 2);
    let (mut seen, mut low) = (0, None);
    for (place, &times) in drawn.iter().enumerate() {
        seen += times;
        if seen > first && low.is_none() {
            low = Some(place);
        }
        if seen > second {
            return (low.unwrap_or(place), place);
        }
    }
    unreachable!("there are as many draws as values")
}

pub(super) fn percentiles(values: impl Iterator<Item = f64>) -> Interval {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let sorted = Sorted::new(values).expect("there are always resamples");
    Interval { low: sorted.quantile(tail), high: sorted.quantile(1.0 - tail) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn medians(values: &[f64], seed: u64) -> Option<Medians> {
        Medians::draw(&Sorted::new(values.iter().copied())?, &mut fastrand::Rng::with_seed(seed))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn an_interval_contains_the_median_and_stays_inside_the_sample(
            values in prop::collection::vec(0.1..1e3, FEWEST..80), seed: u64,
        ) {
            let sample = Sorted::new(values.iter().copied()).unwrap();
            let interval = medians(&values, seed).unwrap().interval();
            prop_assert!(interval.contains(sample.median()));
            prop_assert!(sample.min() <= interval.low && interval.high <= sample.max());
        }
    }

    /// The expected ends are those of 200,000 resamples by numpy 2.4 (`numpy.median` of `Generator.choice`,
    /// then `numpy.quantile`); an end may be off by about one step of the sample.
    #[test]
    fn intervals_are_those_of_numpy() {
        let a: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 101) * 0.01 + 0.5).collect();
        let b: Vec<f64> = (0..45).map(|i| f64::from(i * 53 % 97) * 0.03 + 1.0).collect();
        let (a, b) = (medians(&a, 1).unwrap(), medians(&b, 2).unwrap());
        let close = |found: Interval, low: f64, high: f64, by: f64| {
            assert!((found.low - low).abs() < by && (found.high - high).abs() < by, "{found:?}");
        };
        close(a.interval(), 0.87, 1.12, 0.02);
        close(b.interval(), 1.90, 2.68, 0.07);
        close(b.ratio_interval(&a), 1.872, 2.918, 0.03);
        close(b.difference_interval(&a), 0.89, 1.775, 0.04);
    }

    #[test]
    fn the_middle_is_found_without_sorting() {
        assert_eq!(middle(&[1, 1, 1]), (1, 1));
        assert_eq!(middle(&[0, 4, 0, 0]), (1, 1));
        assert_eq!(middle(&[2, 0, 0, 2]), (0, 3));
        assert_eq!(middle(&[0, 0, 3]), (2, 2));
    }

    #[test]
    fn too_few_values_have_no_interval() {
        assert!(medians(&[1.0, 2.0, 3.0, 4.0, 5.0], 1).is_none());
        assert!(medians(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 1).is_some());
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let values: Vec<f64> = (0..50).map(|i| f64::from(i * i)).collect();
        assert_eq!(medians(&values, 7).unwrap().0, medians(&values, 7).unwrap().0);
        assert_ne!(medians(&values, 7).unwrap().0, medians(&values, 8).unwrap().0);
    }
}
