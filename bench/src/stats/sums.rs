//! B against A where what counts is all of it together, as with memory: the ratio of sums over rounds instead of that
//! of medians ([`super::pairs`]).
//!
//! A machine holds as many instances as their bytes add up to, so a round that takes more counts as much as it takes.
//! Memory comes in whole pages besides, and a build's figures can be equal in all rounds. Medians of those do not
//! change when some rounds are exchanged, and the randomization test would see nothing; sums do.

use super::bootstrap::Medians;
use super::pairs::{Effect, Pairs, detectable};

impl Pairs {
    /// The ratio of the sums, B's over A's, with what the run can say of it, by `resamples` resamples of whole rounds.
    pub fn effect_of_sums(&self, resamples: usize, random: &mut fastrand::Rng) -> Effect {
        let n = self.n();
        let ratios = Medians::from_draws((0..resamples).map(|_| {
            let drawn: Vec<usize> = (0..n).map(|_| random.usize(..n)).collect();
            ratio(drawn.into_iter().map(|round| self.round(round)))
        }));
        Effect {
            ratio: ratio((0..n).map(|round| self.round(round))),
            interval: ratios.interval(),
            detectable: detectable(ratios.log_deviation()),
        }
    }

    /// [`Pairs::slower_than`] for sums: the probability that chance alone makes B look at least as large as it does, if
    /// it were `limit` times as large as A.
    pub fn more_than(&self, limit: f64, draws: usize, random: &mut fastrand::Rng) -> f64 {
        let round = |round| {
            let (a, b) = self.round(round);
            (a, b / limit)
        };
        // Two orders of the same additions differ in the last bit; equal is not less.
        let seen = ratio((0..self.n()).map(round)) * (1.0 - 1e-12);
        let as_large = (0..draws)
            .filter(|_| {
                let exchanged = (0..self.n()).map(round);
                ratio(exchanged.map(|(a, b)| if random.bool() { (b, a) } else { (a, b) })) >= seen
            })
            .count();
        (as_large + 1) as f64 / (draws + 1) as f64
    }
}

/// The ratio of the second values' sum to the first ones'.
fn ratio(rounds: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (a, b) = rounds.fold((0.0, 0.0), |(a, b), round| (a + round.0, b + round.1));
    b / a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::pairs::tests::{close, rounds};

    /// Expected: numpy 2.4, 200,000 draws of 60 rounds, the ratio of the sums; its 2.5 % and 97.5 % quantiles, and
    /// `exp(2.801585 * std(log(ratio), ddof=1)) - 1`.
    #[test]
    fn ratio_interval_and_detectable_effect_are_those_of_numpy() {
        let effect = rounds().effect_of_sums(20_000, &mut fastrand::Rng::with_seed(1));
        close(effect.ratio, 1.082_456_874_895_327_6, 1e-12);
        close(effect.interval.low, 0.9845, 0.003);
        close(effect.interval.high, 1.1898, 0.003);
        close(effect.detectable, 0.1450, 0.003);
    }

    /// Expected: `scipy.stats.permutation_test` of scipy 1.17 with `permutation_type="samples"`,
    /// `alternative="greater"`, the log ratio of the sums as the statistic, 199,999 draws.
    #[test]
    fn p_is_that_of_scipy() {
        let mut random = fastrand::Rng::with_seed(2);
        for (limit, expected) in [(1.0, 0.0534), (1.05, 0.2657), (1.1, 0.6299)] {
            close(rounds().more_than(limit, 20_000, &mut random), expected, 0.012);
        }
    }

    /// Of 2⁸ exchanges only one is as large, by arithmetic: the test sees it where medians hide it.
    #[test]
    fn figures_that_are_equal_in_every_round_are_told_apart() {
        let mut random = fastrand::Rng::with_seed(3);
        let pairs = Pairs::new([(100.0, 110.0); 8]).unwrap();
        close(pairs.more_than(1.05, 20_000, &mut random), 1.0 / 256.0, 0.002);
        assert!(pairs.slower_than(1.05, 2_000, &mut random) > 0.2, "what medians hide");
        let effect = pairs.effect_of_sums(200, &mut random);
        assert!(effect.interval.low > 1.0999 && effect.interval.high < 1.1001 && effect.detectable < 1e-9);
        close(Pairs::new([(100.0, 100.0); 8]).unwrap().more_than(1.0, 200, &mut random), 1.0, 1e-12);
    }
}
