//! The empirical distribution function: for each time, the share of launches that were done by then.
//!
//! It shows every launch and hides nothing: no bins to choose, several modes appear as several steps,
//! the tail as a long flat end, and the median is where the curve crosses one half.

use super::Sorted;

/// The points after each step, ascending: a value, and the share of the sample that is not above it.
/// Equal values make one step. The last share is 1.
pub fn ecdf(sample: &Sorted) -> Vec<(f64, f64)> {
    let n = sample.values().len() as f64;
    let mut seen = 0;
    sample
        .values()
        .chunk_by(|a, b| a.total_cmp(b).is_eq())
        .map(|equal| {
            seen += equal.len();
            (equal[0], seen as f64 / n)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_steps_at_each_value_and_ends_at_one() {
        let sample = Sorted::new([4.0, 1.0, 2.0, 2.0]).unwrap();
        assert_eq!(ecdf(&sample), [(1.0, 0.25), (2.0, 0.75), (4.0, 1.0)]);
    }
}
