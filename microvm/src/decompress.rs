//! Compressed parts of a kernel, told apart by their first bytes: the payload of a bzImage (gzip, LZ4, zstd or
//! xz), and modules (gzip, zstd or xz).
//!
//! The kernel's build appends the unpacked size to what it compressed, as four little-endian bytes (gzip
//! ends with them by itself). So the size is known before a byte is unpacked: it bounds the work, and what
//! comes out must have it exactly.

use std::io::{self, Read};

/// Why a payload cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// Compressed by something else, or not compressed.
    #[error("it is compressed by {0}; gzip, LZ4, zstd and xz are known")]
    Format(&'static str),
    /// The size that it gives itself is no kernel's.
    #[error("it says that it unpacks to {0} bytes, more than the 1 GiB that a kernel may have")]
    TooLarge(u64),
    /// The decompressor met something wrong.
    #[error("the {format} data is damaged")]
    Damaged {
        /// The format.
        format: &'static str,
        /// What the decompressor said.
        source: io::Error,
    },
    /// The result has not the size that the payload says.
    #[error("it unpacks to {found} bytes instead of {expected}")]
    Size {
        /// Bytes that came out, at most one more than expected.
        found: usize,
        /// Bytes that should.
        expected: usize,
    },
}

/// No kernel is larger; a damaged size must not fill the memory.
pub const LARGEST: u64 = 1 << 30;
/// Memory for the dictionary of an xz stream, in KiB: the kernel's build asks for 128 MiB at most.
const XZ_MEMORY_KIB: u32 = 256 << 10;

/// Unpacks the payload of a bzImage.
pub fn payload(bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
    let Some((packed, size)) = bytes.split_last_chunk::<4>() else {
        return Err(DecompressError::Format("nothing: it is empty"));
    };
    let expected = u64::from(u32::from_le_bytes(*size));
    if expected > LARGEST {
        return Err(DecompressError::TooLarge(expected));
    }
    let expected = expected as usize;
    let (format, unpacked) = match bytes {
        // gzip's own trailer ends with the size.
        [0x1f, 0x8b, ..] => ("gzip", gzip(bytes, expected)),
        [0x02, 0x21, 0x4c, 0x18, ..] => ("LZ4", lz4_legacy(&packed[4.min(packed.len())..], expected)),
        _ => stream(packed, expected).ok_or_else(|| DecompressError::Format(other(bytes)))?,
    };
    let unpacked = unpacked.map_err(|source| DecompressError::Damaged { format, source })?;
    if unpacked.len() != expected {
        return Err(DecompressError::Size { found: unpacked.len(), expected });
    }
    Ok(unpacked)
}

/// A module's file, unpacked if it is compressed.
pub fn module(file: Vec<u8>) -> Result<Vec<u8>, DecompressError> {
    let most = LARGEST as usize;
    let (format, unpacked) = match &file[..] {
        [0x1f, 0x8b, ..] => ("gzip", gzip(&file, most)),
        _ => match stream(&file, most) {
            Some(unpacked) => unpacked,
            None => return Ok(file),
        },
    };
    let unpacked = unpacked.map_err(|source| DecompressError::Damaged { format, source })?;
    if unpacked.len() > most { Err(DecompressError::TooLarge(unpacked.len() as u64)) } else { Ok(unpacked) }
}

fn gzip(bytes: &[u8], size: usize) -> io::Result<Vec<u8>> {
    bounded(flate2::read::GzDecoder::new(bytes), size)
}

/// Unpacks the formats that tell where they end. `None`: it is none of them.
fn stream(bytes: &[u8], size: usize) -> Option<(&'static str, io::Result<Vec<u8>>)> {
    match bytes {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(bytes).map_err(io::Error::other);
            Some(("zstd", decoder.and_then(|decoder| bounded(decoder, size))))
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            Some(("xz", bounded(lzma_rust2::XzReader::new_mem_limit(bytes, false, XZ_MEMORY_KIB), size)))
        }
        _ => None,
    }
}

/// The name of a format that is not unpacked.
fn other(bytes: &[u8]) -> &'static str {
    match bytes {
        [b'B', b'Z', b'h', ..] => "bzip2",
        [0x5d, 0, 0, ..] => "LZMA",
        [0x89, b'L', b'Z', b'O', ..] => "LZO",
        _ => "something unknown",
    }
}

/// Reads `decoder` to its end, or one byte past `size`: enough to tell that it is too long.
fn bounded(decoder: impl Read, size: usize) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    decoder.take(size as u64 + 1).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// LZ4's legacy frame, which the kernel uses: blocks of 8 MiB (the last is shorter), each after its
/// compressed length in four bytes, without checksums.
fn lz4_legacy(mut packed: &[u8], size: usize) -> io::Result<Vec<u8>> {
    const BLOCK: usize = 8 << 20;
    let mut unpacked = Vec::new();
    while let Some((length, rest)) = packed.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let (block, rest) = rest.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        let start = unpacked.len();
        // One byte more than is left: enough to tell that it is too long.
        unpacked.resize(start + BLOCK.min(size + 1 - start), 0);
        let written =
            lz4_flex::block::decompress_into(block, &mut unpacked[start..]).map_err(io::Error::other)?;
        unpacked.truncate(start + written);
        if unpacked.len() > size {
            break;
        }
        packed = rest;
    }
    Ok(unpacked)
}
