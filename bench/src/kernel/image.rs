//! A kernel's image: what a VM boots is `vmlinux`, the plain ELF file; what distributions ship is a bzImage.
//!
//! A bzImage is a small real-mode program, its header, a decompressor, and the compressed vmlinux as its
//! *payload*. The header says where the payload lies (the kernel's `Documentation/arch/x86/boot.rst`,
//! fields `setup_sects`, `payload_offset`, `payload_length`; protocol 2.08 and later). Unpacking it once,
//! here, saves every start of a VM from doing it again.
//!
//! The header comes first because it decides what is read at all; the decompressor's output is believed
//! only after it was checked as an ELF file (`elf(5)`).

use isolab_microvm::decompress::{self, DecompressError};

/// Why a file is no kernel for an x86-64 VM.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Neither an ELF file nor a bzImage.
    #[error("it is no kernel: neither a vmlinux (ELF) nor a bzImage (HdrS at byte 0x202)")]
    Unknown,
    /// The header or what it points to lies behind the file's end.
    #[error("the file is truncated: it should have at least {0} bytes")]
    Truncated(u64),
    /// A bzImage from before Linux 2.6.26 does not say where its payload is.
    #[error("its boot protocol {}.{:02} is too old; 2.08 (Linux 2.6.26) or later is needed", .0 >> 8, .0 & 0xff)]
    Protocol(u16),
    /// The payload cannot be unpacked.
    #[error("unpacking its payload")]
    Payload(#[from] DecompressError),
    /// An ELF file, but not a kernel of this CPU.
    #[error("it is no x86-64 ELF executable (32-bit, another CPU's, or an object file)")]
    OtherMachine,
    /// No words `Linux version` in it.
    #[error("it is an ELF file, but no Linux kernel: the words \"Linux version\" are not in it")]
    NotLinux,
}

const ELF: &[u8] = b"\x7fELF";

/// The vmlinux in `file`, a bzImage or a vmlinux: always an x86-64 ELF executable that is whole.
pub fn vmlinux(file: Vec<u8>) -> Result<Vec<u8>, ImageError> {
    let image = if file.starts_with(ELF) { file } else { decompress::payload(payload(&file)?)? };
    check_elf(&image)?;
    Ok(image)
}

/// The release of a kernel (`uname -r`), from the banner in its vmlinux.
pub fn release(vmlinux: &[u8]) -> Result<String, ImageError> {
    const BANNER: &[u8] = b"Linux version ";
    vmlinux
        .windows(BANNER.len())
        .enumerate()
        .filter(|(_, window)| *window == BANNER)
        .find_map(|(at, _)| {
            let word = vmlinux[at + BANNER.len()..].split(u8::is_ascii_whitespace).next()?;
            let plain = word.len() < 65 && word.first()?.is_ascii_digit();
            plain.then(|| String::from_utf8_lossy(word).into_owned())
        })
        .ok_or(ImageError::NotLinux)
}

/// The compressed payload of a bzImage.
fn payload(file: &[u8]) -> Result<&[u8], ImageError> {
    // Offsets in the file, from the boot protocol.
    const SETUP_SECTS: usize = 0x1f1;
    const MAGIC: usize = 0x202;
    const VERSION: usize = 0x206;
    const PAYLOAD_OFFSET: usize = 0x248;
    const PAYLOAD_LENGTH: usize = 0x24c;
    const SECTOR: u64 = 512;

    if file.get(MAGIC..MAGIC + 4) != Some(b"HdrS") {
        return Err(ImageError::Unknown);
    }
    let version = u16::from_le_bytes(field(file, VERSION)?);
    if version < 0x0208 {
        return Err(ImageError::Protocol(version));
    }
    // 0 means 4, for historical reasons; the boot sector comes on top.
    let setup = match field::<1>(file, SETUP_SECTS)? {
        [0] => 4,
        [sectors] => u64::from(sectors),
    };
    let start = (setup + 1) * SECTOR + u64::from(u32::from_le_bytes(field(file, PAYLOAD_OFFSET)?));
    let end = start + u64::from(u32::from_le_bytes(field(file, PAYLOAD_LENGTH)?));
    file.get(start as usize..end as usize).ok_or(ImageError::Truncated(end))
}

/// Checks the ELF header and that the file holds every segment.
fn check_elf(image: &[u8]) -> Result<(), ImageError> {
    const CLASS_64_LITTLE_ENDIAN: [u8; 2] = [2, 1];
    const EXECUTABLE: u16 = 2;
    const X86_64: u16 = 62;
    const SEGMENT_HEADER: usize = 56;
    const LOAD: u32 = 1;

    if !image.starts_with(ELF) {
        return Err(ImageError::Unknown);
    }
    let kind = [u16::from_le_bytes(field(image, 16)?), u16::from_le_bytes(field(image, 18)?)];
    if field(image, 4)? != CLASS_64_LITTLE_ENDIAN || kind != [EXECUTABLE, X86_64] {
        return Err(ImageError::OtherMachine);
    }
    let table = u64::from_le_bytes(field(image, 32)?);
    let (size, count) = (u16::from_le_bytes(field(image, 54)?), u16::from_le_bytes(field(image, 56)?));
    if usize::from(size) != SEGMENT_HEADER || count == 0 {
        return Err(ImageError::OtherMachine);
    }
    for index in 0..u64::from(count) {
        let at = table.saturating_add(index * SEGMENT_HEADER as u64);
        let end_of_header = at.saturating_add(SEGMENT_HEADER as u64);
        let header = image.get(at as usize..end_of_header as usize);
        let header = header.ok_or(ImageError::Truncated(end_of_header))?;
        let end =
            u64::from_le_bytes(field(header, 8)?).saturating_add(u64::from_le_bytes(field(header, 32)?));
        if u32::from_le_bytes(field(header, 0)?) == LOAD && end > image.len() as u64 {
            return Err(ImageError::Truncated(end));
        }
    }
    Ok(())
}

/// The `N` bytes at `offset`.
fn field<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], ImageError> {
    let found = bytes.get(offset..).and_then(|rest| rest.first_chunk());
    found.copied().ok_or(ImageError::Truncated((offset + N) as u64))
}

#[cfg(test)]
#[path = "image/tests.rs"]
mod tests;
