//! The normal distribution, as far as tests need it.

/// The quantile at 97.5 %.
pub const Z_975: f64 = 1.959_963_984_540_054;
/// The quantile at 80 %.
pub const Z_80: f64 = 0.841_621_233_572_914_2;

/// The probability of a value at least as far from the middle as `z`, on either side.
///
/// By the series of the distribution function near the middle and Laplace's continued fraction beyond (M. Abramowitz
/// and I. A. Stegun, "Handbook of Mathematical Functions", 26.2.10 and 26.2.14).
pub fn two_sided(z: f64) -> f64 {
    let z = z.abs();
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z < 3.0 {
        // z + z³/3 + z⁵/(3·5) + …, times the density, is the probability between 0 and z.
        let mut term = z;
        let mut sum = z;
        for odd in (3..200).step_by(2) {
            term *= z * z / f64::from(odd);
            sum += term;
        }
        (1.0 - 2.0 * density * sum).max(0.0)
    } else {
        let fraction = (1..=60).rev().fold(z, |below, k| z + f64::from(k) / below);
        2.0 * density / fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: `2 * scipy.stats.norm.sf(z)` of scipy 1.17.
    #[test]
    fn the_tails_are_those_of_scipy() {
        let scipy = [
            (0.0, 1.0),
            (0.5, 0.617_075_077_451_973_8),
            (1.959_963_984_540_054, 0.05),
            (-2.9, 0.003_731_626_600_768_075),
            (3.1, 0.001_935_206_426_436_712_6),
            (6.0, 1.973_175_290_075_389e-9),
        ];
        for (z, expected) in scipy {
            let found = two_sided(z);
            assert!((found / expected - 1.0).abs() < 1e-9, "{z}: {found} is not {expected}");
        }
    }
}
