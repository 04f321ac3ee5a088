//! libseccomp, where it is installed, as engines' runtimes use it: the judge of what a profile means.

use libc::{c_char, c_int, c_void, sock_filter};
use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction, LinuxSyscall};
use std::ffi::{CStr, CString};
use std::io::{Read as _, Seek as _};
use std::os::fd::AsRawFd as _;

/// `struct scmp_arg_cmp`.
#[repr(C)]
struct Condition {
    argument: u32,
    operator: c_int,
    value: u64,
    second: u64,
}

type Context = *mut c_void;

type Init = unsafe extern "C" fn(u32) -> Context;
type Release = unsafe extern "C" fn(Context);
type ArchAdd = unsafe extern "C" fn(Context, u32) -> c_int;
type ResolveName = unsafe extern "C" fn(*const c_char) -> c_int;
type ResolveNumber = unsafe extern "C" fn(u32, c_int) -> *mut c_char;
type RuleAdd = unsafe extern "C" fn(Context, u32, c_int, u32, *const Condition) -> c_int;
type Export = unsafe extern "C" fn(Context, c_int) -> c_int;

/// The library's functions.
pub struct Reference {
    init: Init,
    release: Release,
    arch_add: ArchAdd,
    resolve_name: ResolveName,
    resolve_number: ResolveNumber,
    rule_add: RuleAdd,
    export: Export,
}

impl Reference {
    /// `None` where it is not installed.
    pub fn load() -> Option<Self> {
        // SAFETY: the library has no constructor that minds when it is loaded.
        let library = unsafe { libc::dlopen(c"libseccomp.so.2".as_ptr(), libc::RTLD_NOW) };
        if library.is_null() {
            return None;
        }
        macro_rules! find {
            ($name:literal as $type:ty) => {{
                // SAFETY: the library stays loaded.
                let function = unsafe { libc::dlsym(library, $name.as_ptr()) };
                assert!(!function.is_null(), "{:?}", $name);
                // SAFETY: seccomp.h declares the function so.
                unsafe { std::mem::transmute::<*mut c_void, $type>(function) }
            }};
        }
        Some(Reference {
            init: find!(c"seccomp_init" as Init),
            release: find!(c"seccomp_release" as Release),
            arch_add: find!(c"seccomp_arch_add" as ArchAdd),
            resolve_name: find!(c"seccomp_syscall_resolve_name" as ResolveName),
            resolve_number: find!(c"seccomp_syscall_resolve_num_arch" as ResolveNumber),
            rule_add: find!(c"seccomp_rule_add_array" as RuleAdd),
            export: find!(c"seccomp_export_bpf" as Export),
        })
    }

    /// Whether it has heard of a system call.
    pub fn knows(&self, name: &str) -> bool {
        self.number(name) != -1
    }

    fn number(&self, name: &str) -> c_int {
        let name = CString::new(name).unwrap();
        // SAFETY: a string that ends with zero.
        unsafe { (self.resolve_name)(name.as_ptr()) }
    }

    /// The name of a number on an architecture.
    pub fn name(&self, architecture: u32, number: c_int) -> Option<String> {
        // SAFETY: it takes any numbers; what it returns is a string of our own, or null.
        unsafe {
            let name = (self.resolve_number)(architecture, number);
            if name.is_null() {
                return None;
            }
            let copy = CStr::from_ptr(name).to_str().unwrap().to_owned();
            libc::free(name.cast());
            Some(copy)
        }
    }

    /// The library's program for a profile, or the number of the error with which it refuses.
    pub fn compile(&self, profile: &LinuxSeccomp) -> Result<Vec<sock_filter>, c_int> {
        let checked = |result: c_int| if result < 0 { Err(-result) } else { Ok(()) };
        let default = answer(profile.default_action(), profile.default_errno_ret());
        // SAFETY: the context is used until it is released, the conditions are as many as it is told, and the file is
        // open.
        unsafe {
            let context = (self.init)(default);
            let result = (|| {
                for &architecture in profile.architectures().iter().flatten() {
                    match (self.arch_add)(context, architecture as u32) {
                        // The native one is there from the start.
                        result if result == -libc::EEXIST => {}
                        result => checked(result)?,
                    }
                }
                for syscall in profile.syscalls().iter().flatten() {
                    let action = answer(syscall.action(), syscall.errno_ret());
                    if action == default {
                        continue;
                    }
                    for name in syscall.names() {
                        let number = self.number(name);
                        if number == -1 {
                            continue;
                        }
                        for rule in rules(syscall) {
                            let length = rule.len() as u32;
                            checked((self.rule_add)(context, action, number, length, rule.as_ptr()))?;
                        }
                    }
                }
                let mut file = tempfile::tempfile().unwrap();
                checked((self.export)(context, file.as_raw_fd()))?;
                file.rewind().unwrap();
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).unwrap();
                Ok(bytes.chunks_exact(8).map(instruction).collect())
            })();
            (self.release)(context);
            result
        }
    }
}

/// The conditions of a rule; of one with two on the same argument, each is a rule.
fn rules(syscall: &LinuxSyscall) -> Vec<Vec<Condition>> {
    let arguments = || syscall.args().iter().flatten();
    let conditions = arguments().map(|argument| Condition {
        argument: argument.index() as u32,
        operator: argument.op() as c_int,
        value: argument.value(),
        second: argument.value_two().unwrap_or(0),
    });
    let twice = arguments().any(|one| arguments().filter(|other| other.index() == one.index()).count() > 1);
    if twice { conditions.map(|one| vec![one]).collect() } else { vec![conditions.collect()] }
}

fn answer(action: LinuxSeccompAction, value: Option<u32>) -> u32 {
    action.as_u32(value)
}

fn instruction(bytes: &[u8]) -> sock_filter {
    sock_filter {
        code: u16::from_ne_bytes([bytes[0], bytes[1]]),
        jt: bytes[2],
        jf: bytes[3],
        k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
    }
}
