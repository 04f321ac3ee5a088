//! A Linux kernel in either of its forms, told apart by the signature `HdrS` (kernel documentation, "The
//! Linux/x86 Boot Protocol"), copied by linux-loader.
//!
//! - *vmlinux*: the ELF file that the linker made. Its segments go where it says; it runs at once.
//! - *bzImage*: what distributions ship. A small program with the compressed kernel in its belly: the guest
//!   itself decompresses it, with its own CPU and at every boot, so a vmlinux starts sooner.

use super::image::{self, ImageError};
use super::linux::{BOOT_FLAG, HEADER};
use crate::layout::HIGH_START;
use crate::memory::Memory;
use linux_loader::bootparam::setup_header;
use linux_loader::loader::{BzImage, KernelLoader};
use std::io::{Read, Seek, SeekFrom};
use std::str::FromStr;
use vm_memory::{ByteValued, GuestAddress, ReadVolatile};

/// Where a bzImage's header begins.
const OFFSET: u64 = 0x1f1;
/// The first version of the protocol that says whether there is a 64-bit entry.
const VERSION: u16 = 0x020c;
/// `xloadflags`: there is a 64-bit entry, so far behind the 32-bit one.
const HAS_64_BIT_ENTRY: u16 = 1;
const ENTRY_64_BIT: u64 = 0x200;
/// A vmlinux does not say how it wants to be aligned; this is Linux's default.
const ALIGNMENT: u32 = 16 << 20;
/// The highest address at which Linux takes an initial RAM file system, unless its header says.
const INITRD_MOST: u32 = 0x37ff_ffff;

/// How a kernel is entered, and told what it needs to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Linux's own, in 64-bit mode.
    #[default]
    Linux,
    /// Xen's, in 32-bit mode.
    Pvh,
}

impl FromStr for Protocol {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Protocol, Self::Err> {
        match name {
            "linux" => Ok(Protocol::Linux),
            "pvh" => Ok(Protocol::Pvh),
            _ => Err("give linux or pvh"),
        }
    }
}

/// A kernel in guest memory.
#[derive(Clone, Copy)]
pub struct Kernel {
    /// Where it begins to run.
    pub entry: GuestAddress,
    /// The first address behind all that it needs until it manages memory itself.
    pub end: u64,
    /// What it says about itself, to be completed for the zero page.
    pub header: setup_header,
}

/// Copies the kernel in `file`, which is to be entered by `protocol`, to guest memory.
pub fn load<F: Read + ReadVolatile + Seek>(
    file: &mut F,
    memory: &Memory,
    protocol: Protocol,
) -> Result<Kernel, ImageError> {
    let mut header = setup_header::default();
    file.seek(SeekFrom::Start(OFFSET))?;
    // Read before it is measured: that a folder refuses by saying what it is, on every file system.
    let read = file.take(size_of::<setup_header>() as u64).read(header.as_mut_slice())?;
    if read == size_of::<setup_header>() && header.header == HEADER {
        let length = file.seek(SeekFrom::End(0))?;
        return match protocol {
            Protocol::Linux => load_compressed(file, memory, header, length),
            Protocol::Pvh => Err(ImageError::NoPvhEntry),
        };
    }
    let loaded = image::load_whole(file, memory)?;
    let entry = match protocol {
        Protocol::Linux => GuestAddress(loaded.entry),
        Protocol::Pvh => loaded.pvh.ok_or(ImageError::NoPvhEntry)?,
    };
    let header = setup_header {
        kernel_alignment: ALIGNMENT,
        initrd_addr_max: INITRD_MOST,
        header: HEADER,
        boot_flag: BOOT_FLAG,
        ..setup_header::default()
    };
    Ok(Kernel { entry, end: loaded.end, header })
}

fn load_compressed<F: Read + ReadVolatile + Seek>(
    file: &mut F,
    memory: &Memory,
    header: setup_header,
    length: u64,
) -> Result<Kernel, ImageError> {
    if header.version < VERSION || header.xloadflags & HAS_64_BIT_ENTRY == 0 {
        return Err(ImageError::No64BitEntry);
    }
    // Sizes in sectors of 512 bytes and in paragraphs of 16: the real-mode part, then the rest.
    let sectors = if header.setup_sects == 0 { 4 } else { u64::from(header.setup_sects) };
    let whole = (sectors + 1) * 512 + u64::from(header.syssize) * 16;
    if whole > length {
        return Err(ImageError::Truncated(whole));
    }
    // It decompresses itself to its preferred address and works in the space behind that.
    let (start, end) = (header.pref_address, header.pref_address.saturating_add(u64::from(header.init_size)));
    if start < HIGH_START || end > memory.first_gib() {
        return Err(ImageError::OutsideMemory { start, end, memory: memory.first_gib() });
    }
    let loaded = BzImage::load(memory.map(), Some(GuestAddress(HIGH_START)), file, None)?;
    Ok(Kernel { entry: GuestAddress(HIGH_START + ENTRY_64_BIT), end: end.max(loaded.kernel_end), header })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use vm_memory::Bytes;

    /// A bzImage of one sector of setup, with 64 bytes behind it.
    fn compressed(change: impl FnOnce(&mut setup_header)) -> Vec<u8> {
        let mut header = setup_header {
            setup_sects: 1,
            header: HEADER,
            version: 0x020f,
            loadflags: 1,
            xloadflags: HAS_64_BIT_ENTRY,
            syssize: 4,
            pref_address: 16 << 20,
            init_size: 1 << 20,
            ..setup_header::default()
        };
        change(&mut header);
        let mut file = vec![0; 1024];
        file[OFFSET as usize..][..size_of::<setup_header>()].copy_from_slice(header.as_slice());
        file.extend([0x5a; 64]);
        file
    }

    fn load_into(mib: u32, file: Vec<u8>) -> Result<(Kernel, Memory), ImageError> {
        let memory = Memory::new(mib).unwrap();
        load(&mut Cursor::new(file), &memory, Protocol::Linux).map(|kernel| (kernel, memory))
    }

    #[test]
    fn a_compressed_kernel_is_entered_behind_its_32_bit_code() {
        let (kernel, memory) = load_into(17, compressed(|_| ())).unwrap();
        assert_eq!((kernel.entry.0, kernel.end), (0x10_0200, 17 << 20));
        assert_eq!(
            memory.map().read_obj::<u64>(GuestAddress(HIGH_START + 56)).unwrap(),
            0x5a5a_5a5a_5a5a_5a5a
        );
    }

    #[test]
    fn odd_compressed_kernels_are_refused() {
        let error = |mib, file| match load_into(mib, file) {
            Err(error) => error,
            Ok((kernel, _)) => panic!("loaded at {:?}", kernel.entry),
        };
        assert!(matches!(error(16, compressed(|_| ())), ImageError::OutsideMemory { .. }));
        assert!(matches!(error(32, compressed(|header| header.xloadflags = 0)), ImageError::No64BitEntry));
        assert!(matches!(error(32, compressed(|header| header.version = 0x0204)), ImageError::No64BitEntry));
        assert!(matches!(error(32, compressed(|header| header.syssize = 5)), ImageError::Truncated(1104)));
        assert!(matches!(
            error(32, compressed(|header| header.pref_address = u64::MAX)),
            ImageError::OutsideMemory { .. }
        ));
        assert!(matches!(error(32, b"#!/bin/sh\n".to_vec()), ImageError::NotElf));
    }
}
