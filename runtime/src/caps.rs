//! Capabilities: what root may do, in forty pieces (`capabilities(7)`).
//!
//! The container keeps the few that ordinary programs need. The bounding set goes first: dropping from it
//! takes `CAP_SETPCAP`, and it is what an executed program could regain. Then the process's own sets, and
//! `no_new_privs`, which makes set-user-ID bits and file capabilities void for ever.

use crate::error::{Context, Error};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

/// What stays: the usual set of the container engines but for `CAP_MKNOD`. The engines can leave that one
/// because they put a filter on devices; without one it would open the host's disks.
pub const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

/// Drops every capability but [`KEPT`] from the calling process and from what it will execute, for good.
pub fn drop_all_but_kept() -> Result<(), Error> {
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        if KEPT.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // The kernel has no capability of this number, nor any higher.
            Err(Errno::INVAL) => break,
            result => result.step("dropping a capability from the bounding set")?,
        }
    }
    // A process cannot give itself what it does not have: the runtime's own root may lack some.
    let kept = capabilities(None).step("reading the capabilities")?.permitted & KEPT;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).step("dropping capabilities")?;
    set_no_new_privs(true).step("setting no_new_privs")
}
