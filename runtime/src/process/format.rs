//! Whether the kernel will execute a file, found out without executing it (`execve(2)`, "Interpreter scripts"; `elf(5)`).
//!
//! Engines take a container that was created for one that can be started. So the first bytes of the program are read as
//! the kernel reads them: `#!` names another program, which may do so in turn, and an ELF file names its dynamic loader.
//! What cannot be read, or is none of the kernel's own formats, is left to the kernel: a file need not be readable to be
//! executed, and there are formats with a registered handler (`handlers`).

use super::program::{executable, path_of};
use crate::error::Error;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, pread};
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

/// As much of a file as the kernel looks at to tell its format (`BINPRM_BUF_SIZE`).
const HEAD: usize = 256;
/// So many scripts in a row may name each other; with one more it is `ELOOP`.
const LONGEST_CHAIN: usize = 5;
/// The kernel takes no larger table of program headers.
const LARGEST_TABLE: usize = 64 << 10;
/// `EM_386`, `EM_X86_64`, `EM_ARM`, `EM_AARCH64`, `EM_RISCV`: what this machine may execute, its 32-bit programs included.
#[cfg(target_arch = "x86_64")]
const MACHINES: &[u16] = &[3, 62];
#[cfg(target_arch = "aarch64")]
const MACHINES: &[u16] = &[40, 183];
#[cfg(target_arch = "riscv64")]
const MACHINES: &[u16] = &[243];

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// As far as one can see, the kernel executes it.
    Known,
    /// The kernel itself does not.
    Unknown,
}

/// Looks at a program and at what it names. Errors are those that `execve` would have.
pub(super) fn look(file: &CStr) -> Result<Format, Error> {
    let mut path = file.to_owned();
    for _ in 0..=LONGEST_CHAIN {
        let Some((opened, head)) = open(&path) else { return Ok(Format::Known) };
        let interpreter = match &head[..] {
            [b'#', b'!', ..] => script(&head),
            [0x7f, b'E', b'L', b'F', ..] => match loader(&opened, &head) {
                Ok(None) => return Ok(Format::Known),
                Ok(Some(loader)) => {
                    needed(file, &loader)?;
                    return Ok(Format::Known);
                }
                Err(NoFormat) => None,
            },
            _ => None,
        };
        let Some(interpreter) = interpreter else { return Ok(Format::Unknown) };
        needed(file, &interpreter)?;
        path = interpreter;
    }
    Err(Error::NotExecutable { path: path_of(file), source: Errno::LOOP })
}

/// None that the kernel knows.
struct NoFormat;

/// Whether what a program names can be executed.
fn needed(file: &CStr, interpreter: &CStr) -> Result<(), Error> {
    executable(interpreter).map_err(|source| match source {
        Errno::NOENT | Errno::NOTDIR => {
            Error::NoInterpreter { path: path_of(file), interpreter: Some(path_of(interpreter)) }
        }
        source => Error::NotExecutable { path: path_of(interpreter), source },
    })
}

/// `None`: this user may execute it, and not read it.
fn open(path: &CStr) -> Option<(OwnedFd, Vec<u8>)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(CWD, path, flags, Mode::empty()).ok()?;
    let mut head = read(&file, 0, HEAD)?;
    // What a short file lacks is zero.
    head.resize(HEAD, 0);
    Some((file, head))
}

/// As many bytes as there are.
fn read(file: &OwnedFd, offset: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    let read = pread(file, &mut bytes[..], offset).ok()?;
    bytes.truncate(read);
    Some(bytes)
}

/// The program that a first line names. `None`: none, or one whose name is longer than what the kernel reads.
fn script(head: &[u8]) -> Option<CString> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let newline = head.iter().position(|&byte| byte == b'\n' || byte == 0).filter(|&end| head[end] == b'\n');
    let line = head.get(2..newline.unwrap_or(HEAD - 1))?;
    let rest = line.get(line.iter().position(|byte| !is_blank(byte))?..)?;
    let end = rest.iter().position(|byte| is_blank(byte) || *byte == 0);
    let name = rest.get(..end.or(newline.map(|_| rest.len()))?)?;
    CString::new(name).ok()
}

/// The dynamic loader of an ELF file; `None`: it needs none.
fn loader(file: &OwnedFd, head: &[u8]) -> Result<Option<CString>, NoFormat> {
    let wide = head.get(4) == Some(&libc::ELFCLASS64);
    // Where the header says where its table is and how large its entries are, and how large they have to be.
    let (table, entry_size, entry) = if wide { (0x20, 0x36, 56) } else { (0x1c, 0x2a, 32) };
    let kind = number(head, 0x10, 2)?;
    let size = number(head, entry_size + 2, 2)? as usize * entry;
    let sound = (kind == u64::from(libc::ET_EXEC) || kind == u64::from(libc::ET_DYN))
        && MACHINES.contains(&(number(head, 0x12, 2)? as u16))
        && number(head, entry_size, 2)? as usize == entry
        && (1..=LARGEST_TABLE).contains(&size);
    if !sound {
        return Err(NoFormat);
    }
    let word = if wide { 8 } else { 4 };
    let entries = read(file, number(head, table, word)?, size).ok_or(NoFormat)?;
    let is_loader = |entry: &&[u8]| number(entry, 0, 4).is_ok_and(|kind| kind == u64::from(libc::PT_INTERP));
    let Some(header) = entries.chunks_exact(entry).find(is_loader) else { return Ok(None) };
    let (offset, length) = if wide { (8, 32) } else { (4, 16) };
    let length = number(header, length, word)? as usize;
    if !(2..=libc::PATH_MAX as usize).contains(&length) {
        return Err(NoFormat);
    }
    let name = read(file, number(header, offset, word)?, length).ok_or(NoFormat)?;
    if name.len() < length || name.last() != Some(&0) {
        return Err(NoFormat);
    }
    CStr::from_bytes_until_nul(&name).map(|name| Some(name.to_owned())).map_err(|_| NoFormat)
}

/// A number of 2, 4 or 8 bytes, the least first, as all of these machines have them.
fn number(bytes: &[u8], offset: usize, length: usize) -> Result<u64, NoFormat> {
    let mut whole = [0; 8];
    let part = bytes.get(offset..offset + length).ok_or(NoFormat)?;
    whole[..length].copy_from_slice(part);
    Ok(u64::from_le_bytes(whole))
}
