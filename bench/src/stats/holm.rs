//! Several tests at once: each alarm that is none is one too many, so the more are looked at, the surer each must be.

/// The p-values adjusted so that, whichever of the hypotheses hold, some true one comes out at or below `alpha` with a
/// probability of at most `alpha` (S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979). It asks
/// nothing of how the tests depend on each other.
pub fn adjusted(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&one, &other| p[one].total_cmp(&p[other]));
    let mut adjusted = vec![0.0; p.len()];
    let mut least: f64 = 0.0;
    for (rank, &place) in order.iter().enumerate() {
        least = least.max(p[place] * (p.len() - rank) as f64).min(1.0);
        adjusted[place] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: R's `p.adjust(p, "holm")`, which for these is arithmetic by hand: 4·0.005, 3·0.01, 2·0.03, and 0.04
    /// raised to the one before.
    #[test]
    fn it_is_that_of_r() {
        let found = adjusted(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in found.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
        assert_eq!(adjusted(&[0.7, 0.9]), [1.0, 1.0]);
        assert!(adjusted(&[]).is_empty());
    }
}
