//! The guest's image: a static ELF file (`elf(5)`), copied to the addresses that it says.
//!
//! linux-loader does the copying. It trusts the program headers; here they are read first, because a file
//! that is truncated, or made for something else, deserves an error that says so.

use crate::layout::HIGH_START;
use crate::memory::Memory;
use linux_loader::elf;
use linux_loader::loader::elf::PvhBootCapability;
use linux_loader::loader::{Elf, KernelLoader};
use std::io::{self, Read, Seek, SeekFrom};
use vm_memory::{ByteValued, GuestAddress, ReadVolatile};

/// Why a file is no image of a guest.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file cannot be opened or read.
    #[error("reading it")]
    Read(#[source] io::Error),
    /// It has no beginning to go back to.
    #[error("this is a pipe or a terminal; give a file")]
    Pipe,
    /// It does not begin like an ELF file.
    #[error("this is no ELF file")]
    NotElf,
    /// It is for another machine.
    #[error("this is no x86-64 ELF file (32-bit, or another CPU's); a guest is built for x86-64")]
    OtherMachine,
    /// It has no fixed address.
    #[error("this is no static executable with a fixed address; link it with -static -no-pie")]
    NotExecutable,
    /// A header or a segment lies behind the file's end.
    #[error("the file is truncated: it should have at least {0} bytes")]
    Truncated(u64),
    /// A segment lies where there is no memory for it.
    #[error(
        "its segment at {start:#x} to {end:#x} lies outside the VM's memory for images, \
         {HIGH_START:#x} to {memory:#x}"
    )]
    OutsideMemory {
        /// First address of the segment.
        start: u64,
        /// First address behind it.
        end: u64,
        /// First address behind the VM's memory.
        memory: u64,
    },
    /// A bzImage for 32-bit machines, or too old to say.
    #[error("this kernel has no 64-bit entry; give one that is built for x86-64")]
    No64BitEntry,
    /// PVH was asked for, and the file has no note that names its entry for it.
    #[error("this kernel has no entry for PVH (an ELF note of a vmlinux); boot it with --protocol linux")]
    NoPvhEntry,
    /// The entry lies in no segment.
    #[error("its entry {0:#x} lies in none of its segments")]
    Entry(u64),
    /// linux-loader refused it.
    #[error("copying it to guest memory")]
    Load(#[from] linux_loader::loader::Error),
}

impl From<io::Error> for ImageError {
    fn from(error: io::Error) -> ImageError {
        if error.kind() == io::ErrorKind::NotSeekable { ImageError::Pipe } else { ImageError::Read(error) }
    }
}

/// Copies the ELF file `image` to guest memory and returns its entry, a guest physical address.
pub fn load<F: Read + ReadVolatile + Seek>(image: &mut F, memory: &Memory) -> Result<u64, ImageError> {
    load_whole(image, memory).map(|loaded| loaded.entry)
}

/// An ELF file in guest memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loaded {
    /// Its entry, a guest physical address.
    pub entry: u64,
    /// The entry for PVH, if it has one.
    pub pvh: Option<GuestAddress>,
    /// The first address behind its highest segment.
    pub end: u64,
}

/// As [`load`]; returns all that a kernel's loader needs.
pub(super) fn load_whole<F: Read + ReadVolatile + Seek>(
    image: &mut F,
    memory: &Memory,
) -> Result<Loaded, ImageError> {
    let (header, length) = read_header(image)?;
    let end_of_headers =
        header.e_phoff.saturating_add(u64::from(header.e_phnum) * size_of::<elf::Elf64_Phdr>() as u64);
    if end_of_headers > length {
        return Err(ImageError::Truncated(end_of_headers));
    }
    image.seek(SeekFrom::Start(header.e_phoff))?;
    let (mut entry_is_loaded, mut end) = (false, 0);
    for _ in 0..header.e_phnum {
        let mut segment = elf::Elf64_Phdr::default();
        image.read_exact(segment.as_mut_slice())?;
        if segment.p_type == elf::PT_LOAD {
            end = end.max(check_segment(&segment, length, memory.first_gib())?);
            entry_is_loaded |=
                header.e_entry.checked_sub(segment.p_paddr).is_some_and(|offset| offset < segment.p_filesz);
        }
    }
    if !entry_is_loaded {
        return Err(ImageError::Entry(header.e_entry));
    }
    let loaded = Elf::load(memory.map(), None, image, None)?;
    let pvh = match loaded.pvh_boot_cap {
        PvhBootCapability::PvhEntryPresent(entry) => Some(entry),
        _ => None,
    };
    Ok(Loaded { entry: loaded.kernel_load.0, pvh, end })
}

/// Reads the file's header and checks what it is for. Returns the file's length too, in bytes.
fn read_header<F: Read + Seek>(image: &mut F) -> Result<(elf::Elf64_Ehdr, u64), ImageError> {
    image.rewind()?;
    let mut header = elf::Elf64_Ehdr::default();
    // Read before it is measured: that a folder refuses by saying what it is, on every file system.
    let read = image.by_ref().take(size_of::<elf::Elf64_Ehdr>() as u64).read(header.as_mut_slice())?;
    let length = image.seek(SeekFrom::End(0))?;
    if !header.e_ident.starts_with(b"\x7fELF") {
        return Err(ImageError::NotElf);
    }
    if read < size_of::<elf::Elf64_Ehdr>() {
        return Err(ImageError::Truncated(size_of::<elf::Elf64_Ehdr>() as u64));
    }
    if header.e_ident[elf::EI_CLASS] != elf::ELFCLASS64 || header.e_machine != elf::EM_X86_64 {
        return Err(ImageError::OtherMachine);
    }
    if header.e_type != elf::ET_EXEC {
        return Err(ImageError::NotExecutable);
    }
    Ok((header, length))
}

/// Checks that the file holds a segment and that guest memory can. Returns the first address behind it.
fn check_segment(segment: &elf::Elf64_Phdr, length: u64, memory: u64) -> Result<u64, ImageError> {
    let end_in_file = segment.p_offset.saturating_add(segment.p_filesz);
    if end_in_file > length {
        return Err(ImageError::Truncated(end_in_file));
    }
    let (start, end) =
        (segment.p_paddr, segment.p_paddr.saturating_add(segment.p_memsz.max(segment.p_filesz)));
    if start < HIGH_START || end > memory {
        return Err(ImageError::OutsideMemory { start, end, memory });
    }
    Ok(end)
}
