//! A filter of system calls: seccomp(2), and `linux.seccomp` of the specification.
//!
//! The kernel has hundreds of doors, and a program needs few of them: what it cannot call it cannot break. A profile
//! says what happens with which call; the kernel wants a program for a small machine of its own. This is the
//! compiler between the two, in the order in which it works:
//! 1. `rules`: the profile is read and checked; `action` and `argument` are its words, `arch` and `numbers`
//!    turn names into numbers (`x32` and `multiplexed`: two ways in which a call has a second number).
//! 2. `tree`: a binary search over the numbers, put together by the assembler in `bpf`.
//! 3. `install`: the kernel takes the program, for good; [`notify`] hands the answers to somebody else.
//!
//! All that can be wrong with a profile is found in the first two steps, by the runtime, before there is a container.
//! The third belongs to the container's process, and comes as late as can be: what it calls after it must be allowed by
//! the profile too, `execve` at the least. Without `no_new_privs` it must come before the capabilities are dropped.
//!
//! `default` is the profile for those who bring none, and `ready` the same compiled ahead; [`features`] says what is
//! known here.

mod action;
mod arch;
mod argument;
mod bpf;
mod default;
mod features;
#[allow(unsafe_code)]
mod install;
mod multiplexed;
pub mod notify;
mod numbers;
mod ready;
mod rules;
mod tree;
mod x32;

pub use default::default_profile;
pub use features::features;

use crate::error::Error;
use libc::sock_filter;
use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction, Spec};
use std::borrow::Cow;
use std::fmt::Display;

/// The kernel takes no longer program (`BPF_MAXINSNS`).
const LONGEST: usize = 4096;

/// What the runtime itself calls from inside the filter before anybody answers for them: a notification
/// of these would wait for the listener that they are to hand over.
const HANDING_OVER: [&str; 2] = ["sendmsg", "write"];

/// A compiled profile.
#[derive(Debug)]
pub struct Program {
    instructions: Cow<'static, [sock_filter]>,
    flags: u32,
    notifies: bool,
}

impl Program {
    /// The filter of a container: that of its configuration, or the `default` one in its place.
    pub(crate) fn of(spec: &Spec, default: bool) -> Result<Option<Self>, Error> {
        if default {
            return Ok(Some(Self::of_default_profile()));
        }
        let profile = spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref());
        profile.map(Self::compile).transpose()
    }

    /// Compiles a profile, or says which of its properties cannot be met.
    pub fn compile(profile: &LinuxSeccomp) -> Result<Self, Error> {
        let notifies = check_notifications(profile)?;
        let instructions = tree::assemble(&rules::Policy::read(profile)?);
        if instructions.len() > LONGEST {
            return Err(property(
                "syscalls",
                format_args!(
                    "they take {} instructions, and the kernel accepts {LONGEST}; name fewer",
                    instructions.len()
                ),
            ));
        }
        let flags = profile.flags().iter().flatten();
        let flags = flags.fold(0, |all, &flag| all | install::bit(flag, notifies));
        Ok(Program { instructions: instructions.into(), flags, notifies })
    }

    /// The instructions, in the kernel's order.
    pub fn instructions(&self) -> &[sock_filter] {
        &self.instructions
    }

    /// Whether [`install`](Self::install) returns a listener.
    pub const fn notifies(&self) -> bool {
        self.notifies
    }
}

/// Whether somebody else answers for some calls; if so, there must be a way to them.
fn check_notifications(profile: &LinuxSeccomp) -> Result<bool, Error> {
    let notify = LinuxSeccompAction::ScmpActNotify;
    if profile.listener_path().is_none() && profile.listener_metadata().is_some() {
        return Err(property("listenerMetadata", "there is nobody to send it to; give a listenerPath"));
    }
    if profile.default_action() == notify {
        return Err(property(
            "defaultAction",
            format_args!("{notify} for every call cannot be: the listener has to be handed over"),
        ));
    }
    let mut notifies = false;
    for (position, syscall) in profile.syscalls().iter().flatten().enumerate() {
        if syscall.action() != notify {
            continue;
        }
        notifies = true;
        if let Some(name) = syscall.names().iter().find(|name| HANDING_OVER.contains(&name.as_str())) {
            return Err(property(
                format_args!("syscalls[{position}]"),
                format_args!("{notify} cannot be for {name}: the listener is handed over with it"),
            ));
        }
    }
    if notifies && profile.listener_path().is_none() {
        return Err(property("listenerPath", format_args!("{notify} needs one")));
    }
    Ok(notifies)
}

/// A property of `linux.seccomp` that cannot be met.
fn property(property: impl Display, why: impl Display) -> Error {
    Error::Property { property: format!("linux.seccomp.{property}"), why: why.to_string() }
}
