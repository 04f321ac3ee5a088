//! Properties of the image loader: whatever happens to the file, it answers.

mod common;

use isolab_microvm::boot::image;
use isolab_microvm::memory::Memory;
use proptest::prelude::*;
use std::io::Cursor;

/// The memory of the VM that is loaded into.
const MIB: u32 = 4;

/// So many cases, and no file that remembers the failed ones.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Loads `bytes`; a loaded image begins in the memory for images, and a refused one is refused in words.
fn load(bytes: &[u8], memory: &Memory) -> Result<u64, String> {
    let result = image::load(&mut Cursor::new(bytes), memory).map_err(|error| error.to_string());
    match &result {
        Ok(entry) => assert!((1 << 20..memory.size()).contains(entry), "{entry:#x}"),
        Err(words) => assert!(!words.is_empty()),
    }
    result
}

/// The unikernel, or a small file when it has not been built: the properties hold for both.
fn sample(test: &str) -> Vec<u8> {
    common::unikernel(test).map_or_else(|| common::elf(&[0x90; 64]), |path| std::fs::read(path).unwrap())
}

#[test]
fn the_loader_survives_bit_flips() {
    let (good, memory) =
        (sample("the_loader_survives_bit_flips (of the real file)"), Memory::new(MIB).unwrap());
    assert!(load(&good, &memory).is_ok());
    // Most of the file is code, so half of the flips go to the headers.
    let place = prop_oneof![0..64 + 3 * 56_usize, 0..good.len()];
    proptest!(cases(2_000), |(flips in prop::collection::vec((place, 0..8_u32), 1..6))| {
        let mut bytes = good.clone();
        for (place, bit) in flips {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << bit;
            }
        }
        let _ = load(&bytes, &memory);
    });
}

#[test]
fn the_loader_refuses_every_truncation() {
    let (good, memory) =
        (sample("the_loader_refuses_every_truncation (of the real file)"), Memory::new(MIB).unwrap());
    // To the end of the last segment; what follows is sections, which no loader reads.
    let needed = (0..3).filter_map(|index| {
        let header = good.get(64 + 56 * index..)?.get(..56)?;
        let word = |place: usize| u64::from_le_bytes(header[place..place + 8].try_into().unwrap());
        (header[..4] == [1, 0, 0, 0]).then(|| (word(8) + word(32)) as usize)
    });
    let needed = needed.max().unwrap();
    assert!(load(&good[..needed], &memory).is_ok());
    proptest!(cases(500), |(length in 0..needed)| {
        prop_assert!(load(&good[..length], &memory).is_err());
    });
}

#[test]
fn the_loader_survives_noise() {
    let memory = Memory::new(MIB).unwrap();
    proptest!(cases(500), |(noise in prop::collection::vec(any::<u8>(), 0..400))| {
        let mut bytes = common::elf(&[0x90]);
        bytes.truncate(20);
        bytes.extend(noise);
        let _ = load(&bytes, &memory);
    });
}
