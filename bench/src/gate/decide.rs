//! The decision about one stack and one clock, from an effect and its uncertainty. No file, no clock.
//!
//! *Fail* needs proof that B is slower than allowed: the interval lies wholly above the limit, and so does the
//! randomization test say, adjusted for how many comparisons there are. *Pass* needs proof that it is not: the interval
//! lies wholly below the limit, in a run that could have seen a slowdown of that size. Everything else is
//! *inconclusive*: neither was shown, and more launches or a calmer machine are needed.

use crate::stats::pairs::Effect;
use serde::{Deserialize, Serialize};

/// A gate fails a build that is no slower than allowed in at most this share of runs, over all that it looks at: half of
/// what lies outside of a 95 % interval.
pub const ALPHA: f64 = 0.025;

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// B is not slower than allowed.
    Pass,
    /// This run cannot tell.
    Inconclusive,
    /// B is slower than allowed.
    Fail,
}

impl Verdict {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Fail => "fail",
        }
    }

    /// The exit status that says it.
    pub const fn status(self) -> u8 {
        match self {
            Verdict::Pass => 0,
            Verdict::Fail => 1,
            Verdict::Inconclusive => 3,
        }
    }

    /// Of several verdicts: one failure is a failure, and only if all pass does the whole.
    pub fn all(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
        verdicts.into_iter().max().unwrap_or(Verdict::Inconclusive)
    }
}

/// Decides. `adjusted_p` is the p-value against the limit, adjusted ([`crate::stats::holm`]); `None` where there is no
/// chance in the figures. `max_slowdown` is a share: 0.05 allows 5 %.
pub fn decide(effect: &Effect, adjusted_p: Option<f64>, max_slowdown: f64) -> Verdict {
    let limit = 1.0 + max_slowdown;
    if effect.interval.low > limit && adjusted_p.is_none_or(|p| p <= ALPHA) {
        Verdict::Fail
    } else if effect.interval.high < limit && effect.detectable < max_slowdown {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Interval;

    fn of(low: f64, high: f64, detectable: f64, p: f64) -> Verdict {
        let effect = Effect { ratio: f64::midpoint(low, high), interval: Interval { low, high }, detectable };
        decide(&effect, Some(p), 0.05)
    }

    #[test]
    fn proof_is_needed_either_way() {
        assert_eq!(of(1.06, 1.10, 0.02, 0.001), Verdict::Fail);
        assert_eq!(of(0.99, 1.03, 0.02, 0.9), Verdict::Pass);
        assert_eq!(of(1.02, 1.08, 0.02, 0.001), Verdict::Inconclusive, "the limit is inside");
        assert_eq!(of(1.06, 1.10, 0.02, 0.2), Verdict::Inconclusive, "one alarm of many");
    }

    #[test]
    fn below_the_noise_floor_nothing_passes() {
        assert_eq!(of(0.80, 1.04, 0.12, 0.9), Verdict::Inconclusive);
        assert_eq!(of(0.50, 0.60, 0.05, 1.0), Verdict::Inconclusive, "not even what looks quicker");
    }

    #[test]
    fn one_failure_fails_all_and_nothing_at_all_is_no_pass() {
        use Verdict::{Fail, Inconclusive, Pass};
        assert_eq!(Verdict::all([Pass, Fail, Inconclusive]), Fail);
        assert_eq!(Verdict::all([Pass, Inconclusive]), Inconclusive);
        assert_eq!(Verdict::all([Pass, Pass]), Pass);
        assert_eq!(Verdict::all([]), Inconclusive);
        assert_eq!([Pass, Fail, Inconclusive].map(Verdict::status), [0, 1, 3]);
    }
}
