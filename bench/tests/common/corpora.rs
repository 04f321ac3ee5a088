//! Plays the corpora of fuzz targets: the seeds, which the test makes, and what a fuzzer has added. With `ISOLAB_SEEDS=1`
//! the seeds are written to where a fuzzer finds them. The tests of two crates that do not know each other include it.

use std::fs;
use std::path::Path;

/// A fuzz target: its name, and its body.
type Target = (&'static str, fn(&[u8]));

/// Plays each of `targets` with its seeds and with what is in the corpus of that name, in the crate's folder.
pub fn play(package: &str, targets: &[Target], seeds: impl Fn(&str) -> Vec<(&'static str, Vec<u8>)>) {
    for (target, body) in targets {
        let folder = Path::new(package).join("fuzz/corpus").join(target);
        for (name, bytes) in seeds(target) {
            if std::env::var_os("ISOLAB_SEEDS").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(name), &bytes).unwrap();
            }
            eprintln!("{target}: {name}");
            body(&bytes);
        }
        // What a fuzzer has found on this machine, if one has run.
        for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            eprintln!("{}", path.display());
            body(&fs::read(path).unwrap());
        }
    }
}
