//! The measured programs as files.

use isolab::programs::Programs;

/// It is read and mapped with every container, twice. Were it larger, the likeliest cause is a dependency: see by crate
/// what came in (`nm --size-sort -S -C` of a build that is not stripped).
#[test]
fn the_runtime_is_smaller_than_three_megabytes() {
    let runtime = Programs::find().unwrap().runtime;
    let bytes = std::fs::metadata(&runtime).unwrap().len();
    assert!(bytes < 3_000_000, "{}: {bytes} bytes", runtime.display());
}
