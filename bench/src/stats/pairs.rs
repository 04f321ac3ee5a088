//! B against A, launched in the same rounds: how many times as long B takes, and whether chance explains it.
//!
//! Each round launches both once, in random order. What a round has in common (a busy neighbour, a warm CPU) is in
//! both of its values and leaves their ratio, so a round is one observation of two values and is never torn apart:
//! the bootstrap draws whole rounds (B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, section
//! 8.6), and the randomization test exchanges A and B only within a round, which is what the draw of the order could
//! have done (R. A. Fisher, "The Design of Experiments", 1935; E. S. Edgington and P. Onghena, "Randomization Tests").

use super::bootstrap::{FEWEST, Interval, Medians};
use super::normal;

/// Values of two samples from the same rounds, each above zero.
#[derive(Clone, Debug)]
pub struct Pairs {
    a: Vec<f64>,
    b: Vec<f64>,
}

/// What [`Pairs`] say about the ratio of B's median to A's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// The ratio of the medians, B's over A's: 1.05 is five per cent slower.
    pub ratio: f64,
    /// Its 95 % interval (percentile bootstrap over rounds).
    pub interval: Interval,
    /// The smallest slowdown, as a share (0.03 is 3 %), that a run like this one finds in 80 of 100 cases.
    pub detectable: f64,
}

impl Pairs {
    /// Rounds with a value of each; `None` when there are fewer than [`FEWEST`], or one is not above zero: then there
    /// is no ratio.
    pub fn new(rounds: impl IntoIterator<Item = (f64, f64)>) -> Option<Pairs> {
        let (a, b): (Vec<f64>, Vec<f64>) = rounds.into_iter().unzip();
        let ratios = a.iter().chain(&b).all(|&value| value > 0.0 && value.is_finite());
        (ratios && a.len() >= FEWEST).then_some(Pairs { a, b })
    }

    /// How many rounds.
    pub fn n(&self) -> usize {
        self.a.len()
    }

    /// A's and B's value of a round.
    pub(super) fn round(&self, round: usize) -> (f64, f64) {
        (self.a[round], self.b[round])
    }

    /// The ratio with what the run can say of it, by `resamples` resamples.
    pub fn effect(&self, resamples: usize, random: &mut fastrand::Rng) -> Effect {
        let [a, b] = [&self.a, &self.b].map(|values| order(values));
        let n = self.n();
        let mut drawn = vec![0_usize; n];
        let ratios = Medians::from_draws((0..resamples).map(|_| {
            drawn.fill(0);
            (0..n).for_each(|_| drawn[random.usize(..n)] += 1);
            median(&b, &drawn) / median(&a, &drawn)
        }));
        Effect {
            ratio: median(&b, &vec![1; n]) / median(&a, &vec![1; n]),
            interval: ratios.interval(),
            detectable: detectable(ratios.log_deviation()),
        }
    }

    /// The probability that chance alone makes B look at least as slow as it does, if it were `limit` times as slow as
    /// A: the one-sided p-value of the randomization test, with B's values divided by `limit`. The draw that happened
    /// counts as one of them, so that p is never zero (B. Phipson and G. K. Smyth, "Permutation P-values Should Never
    /// Be Zero", 2010).
    pub fn slower_than(&self, limit: f64, draws: usize, random: &mut fastrand::Rng) -> f64 {
        let n = self.n();
        let mut all: Vec<(f64, usize, bool)> =
            self.a.iter().zip(0..).map(|(&a, round)| (a, round, false)).collect();
        all.extend(self.b.iter().zip(0..).map(|(&b, round)| (b / limit, round, true)));
        all.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let mut exchanged = vec![false; n];
        // Two orders of the same additions differ in the last bit; equal is not less.
        let seen = exchanged_ratio(&all, &exchanged) * (1.0 - 1e-12);
        let as_slow = (0..draws)
            .filter(|_| {
                exchanged.fill_with(|| random.bool());
                exchanged_ratio(&all, &exchanged) >= seen
            })
            .count();
        (as_slow + 1) as f64 / (draws + 1) as f64
    }

    /// How often a launch of B takes longer than one of A, ties counting half: 0.5 when they do not differ. An effect
    /// size that no outlier moves (A. Vargha and H. D. Delaney, "A Critique and Improvement of the CL Common Language
    /// Effect Size Statistics", 2000).
    pub fn superiority(&self) -> f64 {
        let mut a = self.a.clone();
        a.sort_unstable_by(f64::total_cmp);
        let below = |b: f64| a.partition_point(|&a| a < b) + a.partition_point(|&a| a <= b);
        let wins: usize = self.b.iter().map(|&b| below(b)).sum();
        wins as f64 / 2.0 / (self.n() * self.n()) as f64
    }
}

/// The smallest slowdown that is found with a probability of 80 % by a one-sided test at 2.5 %, if the logarithm of
/// the ratio has this standard deviation: 2.8 of them (H. S. Bloom, "Minimum Detectable Effects", Evaluation Review
/// 19(5), 1995).
pub(super) fn detectable(log_deviation: f64) -> f64 {
    ((normal::Z_975 + normal::Z_80) * log_deviation).exp_m1()
}

/// Values in ascending order, each with its round.
fn order(values: &[f64]) -> Vec<(f64, usize)> {
    let mut order: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    order.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    order
}

/// The median of ascending values, each taken as often as its round was drawn: as many times as there are rounds in all.
fn median(ascending: &[(f64, usize)], drawn: &[usize]) -> f64 {
    let (first, second) = ((drawn.len() - 1) / 2, drawn.len() / 2);
    let (mut seen, mut low) = (0, None);
    for &(value, round) in ascending {
        seen += drawn[round];
        if seen > first && low.is_none() {
            low = Some(value);
        }
        if seen > second {
            return f64::midpoint(low.unwrap_or(value), value);
        }
    }
    unreachable!("as many are drawn as there are rounds")
}

/// The ratio of B's median to A's when some rounds have A and B exchanged. `ascending` has both of all rounds: a value,
/// its round, and whether it is B's.
fn exchanged_ratio(ascending: &[(f64, usize, bool)], exchanged: &[bool]) -> f64 {
    let (first, second) = ((exchanged.len() - 1) / 2, exchanged.len() / 2);
    let (mut seen, mut low, mut medians) = ([0; 2], [0.0; 2], [None; 2]);
    for &(value, round, of_b) in ascending {
        let side = usize::from(of_b ^ exchanged[round]);
        if seen[side] == first {
            low[side] = value;
        }
        if seen[side] == second {
            medians[side] = Some(f64::midpoint(low[side], value));
            if let [Some(a), Some(b)] = medians {
                return b / a;
            }
        }
        seen[side] += 1;
    }
    unreachable!("each round has one value on each side")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Sixty rounds without a tie.
    pub fn rounds() -> Pairs {
        let a = (0..60).map(|i| 0.5 + f64::from(i * 37 % 101) * 0.01);
        let b = (0..60).map(|i| 0.6 + f64::from(i * 53 % 97) * 0.0105);
        Pairs::new(a.zip(b)).unwrap()
    }

    pub fn close(found: f64, expected: f64, by: f64) {
        assert!((found - expected).abs() < by, "{found} is not {expected}");
    }

    /// Expected: numpy 2.4, 200,000 draws of 60 rounds (`Generator.integers`), `numpy.median` of both sides, the log
    /// of their ratio; its 2.5 % and 97.5 % quantiles, and `exp(2.801585 * std(ddof=1)) - 1`.
    #[test]
    fn ratio_interval_and_detectable_effect_are_those_of_numpy() {
        let effect = rounds().effect(20_000, &mut fastrand::Rng::with_seed(1));
        close(effect.ratio, 1.093_718_592_964_824, 1e-12);
        close(effect.interval.low, 0.911, 0.01);
        close(effect.interval.high, 1.293, 0.01);
        close(effect.detectable, 0.2898, 0.006);
    }

    /// Expected: `scipy.stats.permutation_test` of scipy 1.17 with `permutation_type="samples"`,
    /// `alternative="greater"`, the log ratio of the medians as the statistic: 199,999 draws for the long sample, all
    /// 128 exchanges for the short one.
    #[test]
    fn p_is_that_of_scipy() {
        let mut random = fastrand::Rng::with_seed(2);
        for (limit, expected) in [(1.0, 0.1703), (1.05, 0.3480), (1.1, 0.5331)] {
            close(rounds().slower_than(limit, 20_000, &mut random), expected, 0.012);
        }
        let short = [(1.0, 1.15), (1.2, 1.25), (0.9, 1.2), (1.1, 1.35), (1.05, 1.1), (0.95, 1.0), (1.3, 1.4)];
        close(Pairs::new(short).unwrap().slower_than(1.0, 20_000, &mut random), 0.0625, 0.006);
    }

    /// Expected: `scipy.stats.mannwhitneyu(b, a).statistic / 3600`.
    #[test]
    fn the_superiority_is_that_of_scipy() {
        close(rounds().superiority(), 0.577_361_111_111_111_1, 1e-12);
        let same = Pairs::new((1..=9).map(|value| (f64::from(value), f64::from(value)))).unwrap();
        close(same.superiority(), 0.5, 1e-12);
    }

    #[test]
    fn what_a_round_has_in_common_leaves_the_ratio() {
        // B is a tenth slower in every round; rounds differ fortyfold.
        let drifting = Pairs::new((1..=40).map(|i| (f64::from(i), 1.1 * f64::from(i)))).unwrap();
        let effect = drifting.effect(2_000, &mut fastrand::Rng::with_seed(3));
        close(effect.ratio, 1.1, 1e-9);
        assert!(effect.interval.low > 1.099 && effect.interval.high < 1.101 && effect.detectable < 1e-9);
    }

    #[test]
    fn too_few_rounds_and_values_without_a_ratio_are_refused() {
        assert!(Pairs::new([(1.0, 1.0); 5]).is_none() && Pairs::new([(1.0, 1.0); 6]).is_some());
        assert!(Pairs::new([(1.0, 0.0); 9]).is_none() && Pairs::new([(-1.0, 1.0); 9]).is_none());
    }
}
