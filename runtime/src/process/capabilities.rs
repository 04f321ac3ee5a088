//! Capabilities: what root may do, in forty pieces (`capabilities(7)`; `process.capabilities`).
//!
//! Five sets. *Bounding* is what any program executed later could regain; *permitted* what this process may
//! use, *effective* what it uses; *inheritable* and *ambient* what an executed program keeps. The bounding
//! set goes first, because dropping from it takes `CAP_SETPCAP`; then the user is changed; then the
//! process's own sets; ambient is last, for it may hold only what is both permitted and inheritable.

use crate::error::{Context, Error};
use oci_spec::runtime::{Capabilities, LinuxCapabilities};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
};

/// The five sets, as far as they agree with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    bounding: CapabilitySet,
    effective: CapabilitySet,
    permitted: CapabilitySet,
    inheritable: CapabilitySet,
    ambient: CapabilitySet,
    /// Asked for in one set, but void without the same in another.
    void: CapabilitySet,
}

impl Capability {
    /// What the configuration asks for; nothing if it has no such property.
    pub fn new(asked: Option<&LinuxCapabilities>) -> Self {
        let set = |get: fn(&LinuxCapabilities) -> &Option<Capabilities>| {
            asked.and_then(|asked| get(asked).as_ref()).map_or(CapabilitySet::empty(), bits)
        };
        let bounding = set(LinuxCapabilities::bounding);
        let permitted = set(LinuxCapabilities::permitted);
        let asked_effective = set(LinuxCapabilities::effective);
        let asked_inheritable = set(LinuxCapabilities::inheritable);
        let asked_ambient = set(LinuxCapabilities::ambient);
        let effective = asked_effective & permitted;
        let inheritable = asked_inheritable & bounding;
        let ambient = asked_ambient & permitted & inheritable;
        let void =
            (asked_effective - effective) | (asked_inheritable - inheritable) | (asked_ambient - ambient);
        Self { bounding, effective, permitted, inheritable, ambient, void }
    }

    /// One warning for each kind of capability that will not be there although it was asked for. The
    /// specification wants a warning, not a failure. `granted`: the process is root in a user namespace and
    /// has them all.
    pub fn warnings(&self, granted: bool) -> Result<Vec<Error>, Error> {
        let mut warnings = Vec::new();
        if !self.void.is_empty() {
            let why = "is void: effective must be permitted, inheritable must be bounding, ambient must be \
                       permitted and inheritable";
            warnings.push(Error::property("process.capabilities", format!("{} {why}", names(self.void))));
        }
        if !granted {
            let own = capabilities(None).step("reading the capabilities")?.permitted;
            let lacking = self.permitted - own;
            if !lacking.is_empty() {
                let why = "cannot be granted: the runtime itself does not have it";
                warnings.push(Error::property("process.capabilities", format!("{} {why}", names(lacking))));
            }
        }
        Ok(warnings)
    }

    /// Drops everything else from the bounding set. Takes `CAP_SETPCAP`.
    pub(crate) fn bound(&self) -> Result<(), Error> {
        for bit in 0..u64::BITS {
            let capability = CapabilitySet::from_bits_retain(1 << bit);
            if self.bounding.contains(capability) {
                continue;
            }
            match remove_capability_from_bounding_set(capability) {
                // The kernel has no capability of this number, nor any higher.
                Err(Errno::INVAL) => break,
                result => result.step("dropping a capability from the bounding set")?,
            }
        }
        Ok(())
    }

    /// Sets the process's own sets, as far as it has the capabilities: nobody can give himself more.
    pub(crate) fn assume(&self) -> Result<(), Error> {
        let own = capabilities(None).step("reading the capabilities")?.permitted;
        let sets = CapabilitySets {
            effective: self.effective & own,
            permitted: self.permitted & own,
            inheritable: self.inheritable & own,
        };
        set_capabilities(None, sets).step("setting the capabilities")?;
        clear_ambient_capability_set().step("clearing the ambient capabilities")?;
        for capability in (self.ambient & sets.permitted & sets.inheritable).iter() {
            configure_capability_in_ambient_set(capability, true).step("raising an ambient capability")?;
        }
        Ok(())
    }
}

/// The kernel's bits. The type of the specification has the same names.
fn bits(set: &Capabilities) -> CapabilitySet {
    set.iter().filter_map(|capability| CapabilitySet::from_name(&capability.to_string())).collect()
}

fn names(set: CapabilitySet) -> String {
    set.iter_names().map(|(name, _)| format!("CAP_{name}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime::Capability as Name;

    fn asked(json: &str) -> Capability {
        Capability::new(Some(&serde_json::from_str::<LinuxCapabilities>(json).unwrap()))
    }

    #[test]
    fn every_name_of_the_specification_is_one_of_the_kernel() {
        for (_, capability) in CapabilitySet::all().iter_names() {
            let name = CapabilitySet::iter_names(&capability).next().unwrap().0;
            let parsed: Name = serde_json::from_value(format!("CAP_{name}").into()).unwrap();
            assert_eq!(bits(&[parsed].into_iter().collect()), capability, "{name}");
        }
    }

    #[test]
    fn what_is_void_is_left_out_and_said() {
        let sets = asked(
            r#"{"bounding":["CAP_KILL"],"permitted":["CAP_KILL"],"effective":["CAP_KILL","CAP_CHOWN"],
                "inheritable":["CAP_KILL"],"ambient":["CAP_KILL","CAP_SYS_TIME"]}"#,
        );
        assert_eq!(sets.effective, CapabilitySet::KILL);
        assert_eq!(sets.ambient, CapabilitySet::KILL);
        let lines = sets.warnings(true).unwrap();
        assert!(lines.len() == 1 && lines[0].line().contains("CAP_CHOWN, CAP_SYS_TIME"), "{lines:?}");
        assert!(asked("{}").warnings(true).unwrap().is_empty());
    }
}
