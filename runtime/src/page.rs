//! One page of memory that the runtime shares with the container's first process (`mmap(2)`).
//!
//! It holds the launcher's stamps: PID 1 notes there when it was cloned and when its root was
//! ready. The command never has it, because `execve(2)` gives it new memory.

use crate::error::{Context, Error};
use isolab_timeline::Stamps;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use std::ptr;

/// Fresh stamps that a cloned child shares. They live as long as the process.
pub fn shared_stamps() -> Result<&'static Stamps, Error> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a fresh anonymous mapping touches none that exists.
    let page = unsafe { mmap_anonymous(ptr::null_mut(), size_of::<Stamps>(), protection, MapFlags::SHARED) }
        .step("mapping the page of stamps")?;
    // SAFETY: the mapping is aligned to a page, as large as the type, zeroed (a valid value of the type, all
    // of whose parts are atomic numbers) and never unmapped.
    Ok(unsafe { &*page.cast::<Stamps>() })
}
