use super::*;
use proptest::prelude::*;
use std::io::Write;

/// A small vmlinux: the ELF header, one segment header, and a segment with the banner.
fn elf() -> Vec<u8> {
    let banner = b"%s version %s\0Linux version %s\0Linux version 6.12.117 (isolab@isolab) (gcc) #1\n";
    let body: Vec<u8> = banner.iter().copied().chain((0..20_000_u32).map(|n| ((n * n) >> 5) as u8)).collect();
    let mut image = vec![0; 120];
    image[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(16, &[2, 0, 62, 0]);
    put(32, &64_u64.to_le_bytes());
    put(54, &[56, 0, 1, 0]);
    put(64, &1_u32.to_le_bytes());
    put(64 + 8, &120_u64.to_le_bytes());
    put(64 + 32, &(body.len() as u64).to_le_bytes());
    image.extend(body);
    image
}

/// A bzImage around `packed`.
fn bzimage(packed: &[u8]) -> Vec<u8> {
    let (setup, offset) = (2, 0x100);
    let mut file = vec![0; (setup + 1) * 512 + offset];
    file[0x1f1] = setup as u8;
    file[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
    file[0x248..0x24c].copy_from_slice(&(offset as u32).to_le_bytes());
    file[0x24c..0x250].copy_from_slice(&(packed.len() as u32).to_le_bytes());
    file.extend(packed);
    // A decompressor's code and a signature may come behind.
    file.extend([0xcc; 64]);
    file
}

/// `image` as the kernel's build packs it, in each format.
fn packed(image: &[u8]) -> [(&'static str, Vec<u8>); 4] {
    let size = (image.len() as u32).to_le_bytes();
    let with_size = |packed: Vec<u8>| [&packed, &size[..]].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(image).unwrap();
    let mut lz4 = vec![0x02, 0x21, 0x4c, 0x18];
    for block in image.chunks(8 << 20) {
        let block = lz4_flex::block::compress(block);
        lz4.extend((block.len() as u32).to_le_bytes());
        lz4.extend(block);
    }
    let zstd = ruzstd::encoding::compress_to_vec(image, ruzstd::encoding::CompressionLevel::Fastest);
    // As the kernel's scripts/xz_wrap.sh has it: a filter for x86 code, and CRC32.
    let mut options = lzma_rust2::XzOptions::with_preset(1);
    options.prepend_pre_filter(lzma_rust2::FilterType::BcjX86, 0);
    options.set_check_sum_type(lzma_rust2::CheckType::Crc32);
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    xz.write_all(image).unwrap();
    [
        ("gzip", gzip.finish().unwrap()),
        ("LZ4", with_size(lz4)),
        ("zstd", with_size(zstd)),
        ("xz", with_size(xz.finish().unwrap())),
    ]
}

#[test]
fn a_vmlinux_is_taken_as_it_is_and_says_its_release() {
    assert_eq!(vmlinux(elf()).unwrap(), elf());
    assert_eq!(release(&elf()).unwrap(), "6.12.117");
    assert!(matches!(release(b"\x7fELF something else"), Err(ImageError::NotLinux)));
}

#[test]
fn every_format_gives_the_same_vmlinux() {
    for (format, packed) in packed(&elf()) {
        assert_eq!(vmlinux(bzimage(&packed)).unwrap(), elf(), "{format}");
    }
}

#[test]
fn lz4_of_several_blocks_is_put_together() {
    let mut image = elf();
    image.resize((8 << 20) + 12345, 7);
    let [_, (_, lz4), ..] = packed(&image);
    assert!(vmlinux(bzimage(&lz4)).unwrap() == image);
}

#[test]
fn a_wrong_size_is_noticed_in_every_format() {
    for (format, packed) in packed(&elf()) {
        for change in [-1, 1, 5000] {
            let mut packed = packed.clone();
            let at = packed.len() - 4;
            packed[at..].copy_from_slice(&(elf().len() as i32 + change).to_le_bytes());
            assert!(matches!(vmlinux(bzimage(&packed)), Err(ImageError::Payload(_))), "{format} {change}");
        }
        let mut huge = packed;
        let at = huge.len() - 4;
        huge[at..].copy_from_slice(&[0xff; 4]);
        let error = vmlinux(bzimage(&huge)).unwrap_err();
        assert!(matches!(error, ImageError::Payload(DecompressError::TooLarge(0xffff_ffff))), "{format}");
    }
}

#[test]
fn what_is_no_kernel_is_refused_by_name() {
    let refused = |file: Vec<u8>| vmlinux(file).unwrap_err();
    assert!(matches!(refused(Vec::new()), ImageError::Unknown));
    assert!(matches!(refused(b"#!/bin/sh\n".to_vec()), ImageError::Unknown));
    assert!(matches!(refused(elf()[..5000].to_vec()), ImageError::Truncated(n) if n == elf().len() as u64));
    assert!(matches!(refused(elf()[..40].to_vec()), ImageError::Truncated(_)));
    for (at, byte) in [(4, 1), (18, 183), (16, 1)] {
        let mut other = elf();
        other[at] = byte;
        assert!(matches!(refused(other), ImageError::OtherMachine));
    }
    let gzip = bzimage(&packed(&elf())[0].1);
    assert!(matches!(refused(gzip[..3000].to_vec()), ImageError::Truncated(_)));
    let mut old = gzip.clone();
    old[0x206] = 7;
    assert_eq!(
        refused(old).to_string(),
        "its boot protocol 2.07 is too old; 2.08 (Linux 2.6.26) or later is needed"
    );
    let text = |packed: &[u8]| format!("{}", std::error::Error::source(&refused(bzimage(packed))).unwrap());
    assert!(text(b"BZh9....").contains("bzip2"));
    assert!(text(b"....").contains("something unknown"));
    assert!(text(b"").contains("nothing"));
    // Packed well, but what is packed is no kernel.
    assert!(matches!(refused(bzimage(&packed(b"hello")[0].1)), ImageError::Unknown));
}

/// The only two things that may come of a file.
fn error_or_valid(file: Vec<u8>) {
    if let Ok(image) = vmlinux(file) {
        check_elf(&image).unwrap();
        let _ = release(&image);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_truncated_file_never_panics(format in 0..5_usize, part in 0.0..1.0_f64) {
        let mut file = packed(&elf()).into_iter().nth(format).map_or_else(elf, |(_, packed)| bzimage(&packed));
        // All but the 64 bytes behind the payload.
        file.truncate(((file.len() - 65) as f64 * part) as usize);
        prop_assert!(vmlinux(file).is_err());
    }

    #[test]
    fn flipped_bits_never_panic(format in 0..5_usize, flips in prop::collection::vec((0.0..1.0_f64, 0..8_u8), 1..9)) {
        let mut file = packed(&elf()).into_iter().nth(format).map_or_else(elf, |(_, packed)| bzimage(&packed));
        for (place, bit) in flips {
            let at = (file.len() as f64 * place) as usize;
            file[at] ^= 1 << bit;
        }
        error_or_valid(file);
    }

    #[test]
    fn flipped_bits_of_headers_never_panic(format in 0..5_usize, at in 0..120_usize, bits in 1..=255_u8) {
        let mut file = packed(&elf()).into_iter().nth(format).map_or_else(elf, |(_, packed)| bzimage(&packed));
        // In a bzImage the fields that are read, and the beginning of the payload.
        let start = if format == 4 { 0 } else if at < 96 { 0x1f0 } else { 0x600 + 0x100 - 96 };
        file[start + at] ^= bits;
        error_or_valid(file);
    }

    #[test]
    fn anything_behind_the_magic_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), format in 0..4_usize) {
        let magic: [&[u8]; 4] =
            [&[0x1f, 0x8b, 8], &[2, 0x21, 0x4c, 0x18], &[0x28, 0xb5, 0x2f, 0xfd], &[0xfd, b'7', b'z', b'X', b'Z', 0]];
        error_or_valid(bzimage(&[magic[format], &bytes].concat()));
    }
}
