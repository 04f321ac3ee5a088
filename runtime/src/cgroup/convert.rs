//! From the numbers of version 1, in which the specification speaks, to those of version 2.
//!
//! The two scales of CPU weight have their default at 1024 of 2 to 262144 and at 100 of 1 to 10000. A straight
//! line through the ends would send the one default to 39, so that a container with default shares lost
//! against everything else on the machine. The curve here goes through all three points: it is a
//! parabola between the logarithms of both.

use super::problem::Problem;

/// The range of `cpu.shares`; the kernel of version 1 clamps to it.
const SHARES: (u64, u64) = (2, 262_144);
/// The range of `blkio.weight`.
const BLOCK_WEIGHT: (u64, u64) = (10, 1_000);

/// `cpu.weight` for `cpu.shares`.
pub(super) fn cpu_weight(shares: u64) -> u64 {
    let log = (shares.clamp(SHARES.0, SHARES.1) as f64).log2();
    let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
    // Up, but not for the last bit of a whole number.
    (10_f64.powf(exponent) - 1e-9).ceil().clamp(1.0, 10_000.0) as u64
}

/// `io.weight` for `blkio.weight`: the straight line between the ends.
pub(super) const fn io_weight(weight: u64) -> u64 {
    1 + (weight.saturating_sub(BLOCK_WEIGHT.0)) * 9_999 / (BLOCK_WEIGHT.1 - BLOCK_WEIGHT.0)
}

/// Checks a weight of block input and output.
pub(super) fn block_weight(property: &'static str, weight: u16) -> Result<u64, Problem> {
    let weight = u64::from(weight);
    if (BLOCK_WEIGHT.0..=BLOCK_WEIGHT.1).contains(&weight) {
        Ok(weight)
    } else {
        let why = format!("{weight} is not between {} and {}", BLOCK_WEIGHT.0, BLOCK_WEIGHT.1);
        Err(Problem::invalid(property, why))
    }
}

/// A limit in bytes: -1 is none. 0 is none *given*, as engines write it.
pub(super) fn bytes(property: &'static str, value: Option<i64>) -> Result<Option<i64>, Problem> {
    match value {
        None | Some(0) => Ok(None),
        Some(value) if value >= -1 => Ok(Some(value)),
        Some(value) => Err(Problem::invalid(property, format!("{value} is neither a size nor -1"))),
    }
}

/// How version 2 writes a limit of which -1 is none.
pub(super) fn or_max(value: i64) -> String {
    if value < 0 { "max".into() } else { value.to_string() }
}

/// `memory.swap.max`, swap alone, for a limit of memory and swap together.
pub(super) fn swap_alone(swap: i64, memory: Option<i64>) -> Result<i64, Problem> {
    let invalid = |why: &str| Err(Problem::invalid("memory.swap", why));
    match (swap, memory) {
        (-1, _) => Ok(-1),
        (_, None | Some(-1)) => invalid("a limit of memory and swap together needs memory.limit"),
        (swap, Some(memory)) if swap < memory => invalid("memory and swap together are under memory.limit"),
        (swap, Some(memory)) => Ok(swap - memory),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ends_and_defaults_meet() {
        for (shares, weight) in [(0, 1), (2, 1), (1_024, 100), (262_144, 10_000), (u64::MAX, 10_000)] {
            assert_eq!(cpu_weight(shares), weight, "{shares}");
        }
        assert_eq!((io_weight(10), io_weight(1_000)), (1, 10_000));
    }

    proptest! {
        #[test]
        fn more_shares_are_no_less_weight(a: u64, b: u64) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(cpu_weight(low) <= cpu_weight(high));
            prop_assert!((1..=10_000).contains(&cpu_weight(a)));
        }

        #[test]
        fn a_weight_is_refused_or_in_the_new_range(weight: u16) {
            match block_weight("blockIO.weight", weight) {
                Ok(weight) => prop_assert!((1..=10_000).contains(&io_weight(weight))),
                Err(_) => prop_assert!(!(10..=1_000).contains(&weight)),
            }
        }

        #[test]
        fn swap_and_memory_add_up(memory in 1_i64.., swap: i64) {
            if let Ok(alone) = swap_alone(swap, Some(memory)) {
                prop_assert!((swap == -1 && alone == -1) || alone + memory == swap);
            }
        }
    }
}
