//! The rules, as the configuration gives them and as the kernel sees an access.
//!
//! A container begins with nothing allowed. The configuration's rules follow in their order, and of the
//! rules that fit an access the last one counts. At the end stand those without which no program
//! runs: the nodes that the specification has in every `/dev`, terminals, and the making of nodes, which
//! is harmless as long as they cannot be opened.

use crate::cgroup::problem::Problem;
use oci_spec::runtime::{LinuxDeviceCgroup, LinuxDeviceType};

/// What is done to a node, in the bits of `struct bpf_cgroup_dev_ctx`.
pub(super) const MAKE: u8 = 1;
pub(super) const READ: u8 = 2;
pub(super) const WRITE: u8 = 4;
pub(super) const ANY: u8 = MAKE | READ | WRITE;

/// The kind of a node, by the number that the kernel gives it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Block = 1,
    Character = 2,
}

/// One rule; `None` fits all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(super) allow: bool,
    pub(super) kind: Option<Kind>,
    pub(super) major: Option<u32>,
    pub(super) minor: Option<u32>,
    pub(super) access: u8,
}

impl Rule {
    const fn allow(kind: Kind, major: Option<u32>, minor: Option<u32>, access: u8) -> Self {
        Self { allow: true, kind: Some(kind), major, minor, access }
    }

    /// Whether it fits every access to every node.
    pub(super) fn is_total(&self) -> bool {
        self.kind.is_none() && self.major.is_none() && self.minor.is_none() && self.access == ANY
    }
}

const DEFAULTS: [Rule; 10] = [
    Rule { allow: true, kind: None, major: None, minor: None, access: MAKE },
    Rule::allow(Kind::Character, Some(1), Some(3), ANY), // null
    Rule::allow(Kind::Character, Some(1), Some(5), ANY), // zero
    Rule::allow(Kind::Character, Some(1), Some(7), ANY), // full
    Rule::allow(Kind::Character, Some(1), Some(8), ANY), // random
    Rule::allow(Kind::Character, Some(1), Some(9), ANY), // urandom
    Rule::allow(Kind::Character, Some(5), Some(0), ANY), // tty
    Rule::allow(Kind::Character, Some(5), Some(1), ANY), // console
    Rule::allow(Kind::Character, Some(5), Some(2), ANY), // ptmx
    Rule::allow(Kind::Character, Some(136), None, ANY),  // pts
];

/// The configuration's rules and the defaults, in the order in which the last that fits counts.
pub(crate) fn all(given: &[LinuxDeviceCgroup]) -> Result<Vec<Rule>, Problem> {
    let given = given.iter().enumerate().map(|(index, rule)| read(index, rule));
    given.chain(DEFAULTS.into_iter().map(Ok)).collect()
}

fn read(index: usize, rule: &LinuxDeviceCgroup) -> Result<Rule, Problem> {
    let invalid = |why: String| Problem::invalid(format!("devices[{index}]"), why);
    let kind = match rule.typ() {
        None | Some(LinuxDeviceType::A) => None,
        Some(LinuxDeviceType::B) => Some(Kind::Block),
        Some(LinuxDeviceType::C | LinuxDeviceType::U) => Some(Kind::Character),
        Some(LinuxDeviceType::P) => return Err(invalid("type p is a pipe, which is no device".into())),
    };
    let number = |number: Option<i64>| match number {
        None | Some(-1) => Ok(None),
        Some(number) => {
            u32::try_from(number).map(Some).map_err(|_| invalid(format!("{number} is not a device number")))
        }
    };
    // Not given is all, as for the other parts of a rule.
    let letters = rule.access().as_deref().filter(|letters| !letters.is_empty()).unwrap_or("rwm");
    let mut access = 0;
    for letter in letters.chars() {
        access |= match letter {
            'r' => READ,
            'w' => WRITE,
            'm' => MAKE,
            _ => return Err(invalid(format!("access \"{letters}\" is not made of r, w and m"))),
        };
    }
    Ok(Rule { allow: rule.allow(), kind, major: number(rule.major())?, minor: number(rule.minor())?, access })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the specification says, access by access: the reference for both versions.
    pub(in super::super) fn allowed(rules: &[Rule], kind: Kind, major: u32, minor: u32, access: u8) -> bool {
        let fits = |rule: &&Rule, bit: u8| {
            rule.kind.is_none_or(|each| each == kind)
                && rule.major.is_none_or(|each| each == major)
                && rule.minor.is_none_or(|each| each == minor)
                && rule.access & bit != 0
        };
        let last = |bit| rules.iter().rev().find(|rule| fits(rule, bit)).is_some_and(|rule| rule.allow);
        [MAKE, READ, WRITE].into_iter().filter(|bit| access & bit != 0).all(last)
    }

    pub(in super::super) fn any_rule() -> impl Strategy<Value = Rule> {
        let kind = prop_oneof![Just(None), Just(Some(Kind::Block)), Just(Some(Kind::Character))];
        let number = || prop_oneof![Just(None), (0_u32..3).prop_map(Some)];
        (any::<bool>(), kind, number(), number(), 1_u8..=7)
            .prop_map(|(allow, kind, major, minor, access)| Rule { allow, kind, major, minor, access })
    }

    #[test]
    fn nothing_but_the_usual_nodes_is_allowed_at_first() {
        let rules = all(&[]).unwrap();
        assert!(allowed(&rules, Kind::Character, 1, 3, READ | WRITE));
        assert!(allowed(&rules, Kind::Character, 136, 7, READ | WRITE));
        assert!(allowed(&rules, Kind::Block, 8, 0, MAKE));
        assert!(!allowed(&rules, Kind::Block, 8, 0, READ));
        assert!(!allowed(&rules, Kind::Character, 1, 1, MAKE | READ));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (kind, major, access) in [
            (LinuxDeviceType::P, 1, "r"),
            (LinuxDeviceType::C, -2, "r"),
            (LinuxDeviceType::C, 1 << 40, "r"),
            (LinuxDeviceType::C, 1, "rx"),
        ] {
            let mut rule = LinuxDeviceCgroup::default();
            rule.set_typ(Some(kind)).set_major(Some(major)).set_access(Some(access.into()));
            let error = all(&[rule]).unwrap_err();
            assert!(error.to_string().contains("devices[0]"), "{error}");
        }
    }
}
