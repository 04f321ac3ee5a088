//! Who is launched when.
//!
//! A machine drifts: it heats up, its caches fill, a neighbour wakes. If one stack went first and another
//! last, the drift would be read as a difference between them. So stacks take turns: the run is made of
//! rounds, each round launches every stack once, and the order within a round is drawn anew.

use isolab_timeline::Stack;

/// One launch to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn<T = Stack> {
    /// What to launch: a stack, or a stack of one of two builds.
    pub stack: T,
    /// Declared warm-up: recorded, but in no statistic.
    pub warmup: bool,
}

/// The turns of a whole run: `warmup` rounds, then `runs` rounds, each a permutation of `stacks`.
pub fn plan<T: Copy>(stacks: &[T], warmup: usize, runs: usize, seed: u64) -> Vec<Turn<T>> {
    rounds(stacks, warmup + runs, seed)
        .map(|(number, stack)| Turn { stack, warmup: number < warmup })
        .collect()
}

/// `count` rounds, each a permutation of `items` drawn anew: each item with its round's number.
pub fn rounds<T: Copy>(items: &[T], count: usize, seed: u64) -> impl Iterator<Item = (usize, T)> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut round = items.to_vec();
    (0..count).flat_map(move |number| {
        random.shuffle(&mut round);
        round.clone().into_iter().map(move |item| (number, item))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_launches_every_stack_once() {
        let turns = plan(&Stack::ALL, 2, 30, 7);
        assert_eq!(turns.len(), 32 * Stack::ALL.len());
        for (number, round) in turns.chunks(Stack::ALL.len()).enumerate() {
            let mut stacks: Vec<_> = round.iter().map(|turn| turn.stack).collect();
            stacks.sort();
            assert_eq!(stacks, Stack::ALL);
            assert!(round.iter().all(|turn| turn.warmup == (number < 2)));
        }
    }

    #[test]
    fn a_seed_gives_one_order_and_another_seed_another() {
        assert_eq!(plan(&Stack::ALL, 0, 20, 1), plan(&Stack::ALL, 0, 20, 1));
        assert_ne!(plan(&Stack::ALL, 0, 20, 1), plan(&Stack::ALL, 0, 20, 2));
    }
}
