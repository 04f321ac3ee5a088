//! `isolab gate A B`: is build B slower than build A, or can this machine not tell?
//!
//! What happens, in order:
//!
//! 1. [`build`]: A and B are found: folders of built programs, or git revisions that are built.
//! 2. [`run`]: both are launched in one run, in rounds, each round all stacks of both builds in random order; or each
//!    in a deterministic machine of its own ([`machine`]).
//! 3. [`recorded`]: two records that may be held against each other, and the pairs in them; others are refused.
//! 4. [`memory`]: idle instances of both, started by turns into one fleet, and what each batch takes.
//! 5. [`judge`]: per stack and figure the effect, its interval and p-value; [`decide`]: a verdict: pass, fail or
//!    *inconclusive*.
//! 6. [`counts`]: system calls, which have no noise and so no statistics.
//! 7. [`answer`]: all verdicts as one, with every figure: `gate.json`.
//! 8. [`words`]: the same for people: a sentence, a table, and `summary.md` for the pull request.
//!
//! `docs/gate.md` explains the decision, and how often it is wrong.

pub mod answer;
pub mod build;
pub mod counts;
pub mod decide;
pub mod judge;
pub mod machine;
pub mod memory;
#[cfg(test)]
mod rates;
pub mod recorded;
pub mod run;
pub mod words;
