//! How the container's floor reads its words, and makes its steps.

use core::ffi::CStr;
use isolab_workload::linux::Arguments;

/// A step makes the system call and ends the program with the step's name if it fails.
macro_rules! step {
    ($name:literal, $number:expr $(, $argument:expr)*) => {{
        let given: &[usize] = &[$( $argument as usize ),*];
        let mut arguments = [0_usize; 6];
        for (place, argument) in arguments.iter_mut().zip(given) {
            *place = *argument;
        }
        // SAFETY: every address passed is that of a string or structure that outlives the call.
        $crate::start::check($name, unsafe { isolab_workload::linux::syscall($number, arguments) })
    }};
}
pub(crate) use step;

/// Whether `word` begins with `beginning`. (Byte by byte: comparing two slices is a call of `bcmp`, which only a C library
/// has.)
pub fn begins(word: &[u8], beginning: &[u8]) -> bool {
    word.len() >= beginning.len() && word.iter().zip(beginning).all(|(one, other)| one == other)
}

/// The arguments from number `first` up to `--` or the last.
pub fn words(arguments: &Arguments, first: usize) -> impl Iterator<Item = &'static CStr> {
    (first..).map_while(|index| arguments.get(index)).take_while(|word| word.to_bytes() != b"--")
}
