//! The zero page and the command line of the Linux boot protocol (kernel documentation, "The Linux/x86 Boot
//! Protocol" and "zero-page").
//!
//! The guest reads from the zero page where its command line is, and its memory map.

use super::e820::{self, Range};
use super::initrd::Initrd;
use super::kernel::Kernel;
use crate::Error;
use crate::devices::virtio::place::{self, Place};
use crate::layout::{ACPI, COMMAND_LINE, COMMAND_LINE_SIZE, ZERO_PAGE};
use crate::memory::Memory;
use linux_loader::bootparam::{boot_e820_entry, boot_params};
use linux_loader::cmdline::Cmdline;
use vm_memory::{Bytes, GuestAddress};

/// `boot_flag` and `header`: the protocol's own signatures.
pub(super) const BOOT_FLAG: u16 = 0xaa55;
pub(super) const HEADER: u32 = u32::from_le_bytes(*b"HdrS");
/// `type_of_loader`: none that has a number.
const UNKNOWN_LOADER: u8 = 0xff;

/// The command line that asks the unikernel for a kind of work: `["cpu", "1000"]` becomes `kind=cpu n=1000`.
pub fn command_line(words: &[String]) -> Result<Cmdline, Error> {
    let build = || {
        let mut line = Cmdline::new(COMMAND_LINE_SIZE)?;
        for (key, word) in ["kind", "n"].into_iter().zip(words) {
            line.insert(key, word)?;
        }
        Ok(line)
    };
    build().map_err(|source| Error::CommandLine { words: words.to_vec(), source })
}

/// The command line of a Linux kernel, as it is.
pub fn kernel_command_line(text: &str) -> Result<Cmdline, Error> {
    Cmdline::try_from(text, COMMAND_LINE_SIZE)
        .map_err(|source| Error::CommandLine { words: vec![text.into()], source })
}

/// Tells the kernel on its command line where virtio devices are.
pub fn announce(line: &mut Cmdline, places: impl Iterator<Item = Place>) -> Result<(), Error> {
    for Place { address, interrupt } in places {
        line.add_virtio_mmio_device(place::SIZE, GuestAddress(address), interrupt, None)
            .map_err(|source| Error::CommandLine { words: vec!["virtio_mmio.device".into()], source })?;
    }
    Ok(())
}

/// Writes the command line and the zero page of a unikernel.
pub fn write(memory: &Memory, line: &Cmdline) -> Result<(), Error> {
    let mut page = zero_page(&e820::unikernel(memory));
    page.hdr.boot_flag = BOOT_FLAG;
    page.hdr.header = HEADER;
    write_page(memory, line, page)
}

/// Writes the command line and the zero page of Linux: what the kernel's own header says, completed.
pub fn write_for_kernel(
    memory: &Memory,
    line: &Cmdline,
    kernel: &Kernel,
    initrd: Option<Initrd>,
) -> Result<(), Error> {
    let mut page = zero_page(&e820::machine(memory));
    page.acpi_rsdp_addr = ACPI.0;
    page.hdr = kernel.header;
    if let Some(Initrd { start, size }) = initrd {
        page.hdr.ramdisk_image = start;
        page.hdr.ramdisk_size = size;
    }
    write_page(memory, line, page)
}

/// Writes the command line, and the zero page that tells where it is.
fn write_page(memory: &Memory, line: &Cmdline, mut page: boot_params) -> Result<(), Error> {
    write_line(memory, line)?;
    page.hdr.type_of_loader = UNKNOWN_LOADER;
    page.hdr.cmd_line_ptr = COMMAND_LINE.0 as u32;
    page.hdr.cmdline_size = COMMAND_LINE_SIZE as u32 - 1;
    memory.map().write_obj(page, ZERO_PAGE)?;
    Ok(())
}

/// Writes the command line, with its final zero byte.
pub(super) fn write_line(memory: &Memory, line: &Cmdline) -> Result<(), Error> {
    let text = line.as_cstring().map_err(|source| Error::CommandLine { words: Vec::new(), source })?;
    memory.map().write_slice(text.as_bytes_with_nul(), COMMAND_LINE)?;
    Ok(())
}

/// A zero page with this memory map.
fn zero_page(map: &[Range]) -> boot_params {
    let mut page = boot_params::default();
    for (entry, range) in page.e820_table.iter_mut().zip(map) {
        *entry = boot_e820_entry { addr: range.start, size: range.size, r#type: range.kind };
    }
    page.e820_entries = map.len() as u8;
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm_memory::Address;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.into()).collect()
    }

    #[test]
    fn words_become_a_command_line() {
        let line = |text: &[&str]| command_line(&words(text)).map(|line| line.as_cstring().unwrap());
        assert_eq!(line(&["cpu", "1000"]).unwrap().as_c_str(), c"kind=cpu n=1000");
        assert_eq!(line(&["noop"]).unwrap().as_c_str(), c"kind=noop");
        for bad in ["cpu n=1", "\u{e9}", &"9".repeat(COMMAND_LINE_SIZE)] {
            assert!(matches!(line(&[bad]), Err(Error::CommandLine { .. })), "{bad:?}");
        }
    }

    #[test]
    fn devices_are_announced_to_the_kernel_not_to_init() {
        let mut line = kernel_command_line("console=ttyS0 -- single").unwrap();
        announce(&mut line, Place::first(2)).unwrap();
        let expected =
            c"console=ttyS0 virtio_mmio.device=4K@0xd0000000:5 virtio_mmio.device=4K@0xd0001000:6 -- single";
        assert_eq!(line.as_cstring().unwrap().as_c_str(), expected);
        let mut full = kernel_command_line(&"x".repeat(COMMAND_LINE_SIZE - 1)).unwrap();
        assert!(matches!(announce(&mut full, Place::first(1)), Err(Error::CommandLine { .. })));
    }

    #[test]
    fn the_guest_finds_its_command_line_and_its_memory() {
        let memory = Memory::new(16).unwrap();
        write(&memory, &command_line(&words(&["wait"])).unwrap()).unwrap();
        let number = |offset: u64| memory.map().read_obj::<u32>(ZERO_PAGE.unchecked_add(offset)).unwrap();
        assert_eq!(number(0x202), HEADER);
        let mut text = [0; 10];
        memory.map().read_slice(&mut text, GuestAddress(number(0x228).into())).unwrap();
        assert_eq!(&text, b"kind=wait\0");
        assert_eq!(number(0x1e8) & 0xff, 2);
        assert_eq!((number(0x2d0 + 20), number(0x2d0 + 28)), (1 << 20, 15 << 20));
    }
}
