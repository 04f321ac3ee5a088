//! A kernel's file, mapped into guest memory instead of copied (`mmap(2)`, `MAP_PRIVATE`).
//!
//! Where a segment lies at a page's beginning both in the file and in memory, the page of memory *is* the page of
//! the file, as long as nobody writes to it: all VMs on that kernel share it, and a page that the guest never
//! touches is never read. A page that the guest writes to becomes its own (copy on write). Measured against
//! copying, a small kernel starts sooner and each VM takes a fifth less memory.
//!
//! linux-loader does not know of it. It reads segments from a file into guest memory, and to read is here to map:
//! [`Mapped`] is a file of which whole pages are mapped to where they should be read to, and the rest is read.
//!
//! The price: the file must stay as it is while the VM runs. A file that is cut takes its pages with it. The guest
//! that touches one ends with an error (`KVM_RUN` says `EFAULT`); if it is the VMM itself, on the guest's behalf,
//! the kernel sends `SIGBUS`, for which there is a handler that says so in one line.

use crate::Error;
use crate::memory::Memory;
use rustix::mm::{MapFlags, ProtFlags, mmap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use vm_memory::bitmap::BitmapSlice;
use vm_memory::{ReadVolatile, VolatileMemoryError, VolatileSlice};
use vmm_sys_util::signal::register_signal_handler;

/// Files and memory are mapped in such units.
const PAGE: u64 = 4096;
/// What the handler says, and the status with which it ends the VMM: isolab itself failed.
const CUT: &[u8] =
    b"isolab-microvm: running the guest: the file of its kernel was cut while the VM ran from it\n";
const FAILED: libc::c_int = 125;

/// A file whose whole pages are mapped where they are read to.
#[derive(Debug)]
pub struct Mapped<'a> {
    file: File,
    memory: &'a Memory,
}

impl<'a> Mapped<'a> {
    /// `file`, to be read into `memory`.
    pub fn new(file: File, memory: &'a Memory) -> Result<Mapped<'a>, Error> {
        register_signal_handler(libc::SIGBUS, end).map_err(|error| Error::Event(io::Error::from(error)))?;
        Ok(Mapped { file, memory })
    }

    /// Maps what `to` begins with from where the file is, as far as whole pages go. Returns how many bytes.
    fn map<B: BitmapSlice>(&mut self, to: &VolatileSlice<B>) -> io::Result<usize> {
        let guard = to.ptr_guard_mut();
        let (start, length) = (guard.as_ptr(), to.len() & !(PAGE as usize - 1));
        let offset = self.file.stream_position()?;
        let aligned = (start as u64 | offset).is_multiple_of(PAGE);
        if !aligned || length == 0 || !self.memory.holds(start, length) {
            return Ok(0);
        }
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the pages are guest memory, which Rust only accesses through vm-memory's volatile reads and
        // writes, and which is unmapped as a whole, whatever it consists of.
        let mapped = unsafe {
            mmap(start.cast(), length, ProtFlags::READ | ProtFlags::WRITE, flags, &self.file, offset)
        };
        if mapped.is_err() {
            // There are file systems that cannot; their files are read.
            return Ok(0);
        }
        self.file.seek(SeekFrom::Start(offset + length as u64))?;
        Ok(length)
    }
}

impl ReadVolatile for Mapped<'_> {
    fn read_volatile<B: BitmapSlice>(
        &mut self,
        to: &mut VolatileSlice<B>,
    ) -> Result<usize, VolatileMemoryError> {
        let mapped = self.map(to).map_err(VolatileMemoryError::IOError)?;
        let mut rest = to.offset(mapped)?;
        if !rest.is_empty() {
            self.file.read_exact_volatile(&mut rest)?;
        }
        Ok(to.len())
    }
}

impl Read for Mapped<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.file.read(to)
    }
}

impl Seek for Mapped<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// The handler of `SIGBUS`.
extern "C" fn end(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // Nobody is left to be told that standard error is gone.
    let _ = rustix::io::write(rustix::stdio::stderr(), CUT);
    // SAFETY: it may be called in a handler (`signal-safety(7)`).
    unsafe { libc::_exit(FAILED) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::Command;
    use vm_memory::{Bytes, GuestAddress};

    const START: GuestAddress = GuestAddress(0x10_0000);

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn what_is_mapped_is_what_would_be_read() {
        let bytes: Vec<u8> = (0..3 * 4096 + 100_u32).map(|number| (number / 7) as u8).collect();
        let memory = Memory::new(2).unwrap();
        for (offset, start) in [(0, 0), (4096, 0), (4096, 4096), (100, 0), (0, 100), (4096, 17)] {
            let mut mapped = Mapped::new(file(&bytes), &memory).unwrap();
            mapped.seek(SeekFrom::Start(offset)).unwrap();
            let (at, length) = (GuestAddress(START.0 + start), bytes.len() - offset as usize);
            memory.map().read_exact_volatile_from(at, &mut mapped, length).unwrap();
            let mut seen = vec![0; length];
            memory.map().read_slice(&mut seen, at).unwrap();
            assert!(seen == bytes[offset as usize..], "{offset} {start}");
        }
    }

    #[test]
    fn what_a_guest_writes_does_not_reach_the_file() {
        let memory = Memory::new(2).unwrap();
        let mut mapped = Mapped::new(file(&[7; 4096]), &memory).unwrap();
        mapped.rewind().unwrap();
        memory.map().read_exact_volatile_from(START, &mut mapped, 4096).unwrap();
        memory.map().write_obj(9_u8, START).unwrap();
        mapped.rewind().unwrap();
        let mut bytes = [0; 4096];
        mapped.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, [7; 4096]);
    }

    #[test]
    fn a_file_that_is_cut_ends_the_vmm_with_one_line() {
        const CHILD: &str = "ISOLAB_TEST_CUT";
        if std::env::var_os(CHILD).is_none() {
            let name = "boot::mapping::tests::a_file_that_is_cut_ends_the_vmm_with_one_line";
            let mut child = Command::new(std::env::current_exe().unwrap());
            let output = child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
            assert_eq!((output.status.code(), &*output.stderr), (Some(FAILED), CUT), "{output:?}");
            return;
        }
        let memory = Memory::new(2).unwrap();
        let cut = file(&[7; 4096]);
        let mut mapped = Mapped::new(cut.try_clone().unwrap(), &memory).unwrap();
        mapped.rewind().unwrap();
        memory.map().read_exact_volatile_from(START, &mut mapped, 4096).unwrap();
        cut.set_len(0).unwrap();
        memory.map().read_obj::<u8>(START).unwrap();
    }
}
