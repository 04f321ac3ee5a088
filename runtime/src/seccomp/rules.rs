//! From the profile to rules: which answer for which numbers, and under which conditions.
//!
//! What the profile leaves open is decided as the engines' profiles count on, that is as libseccomp and runc do:
//! - A name that an architecture does not have is skipped: profiles list calls of all kernels and machines.
//! - A rule whose answer is the default's is skipped.
//! - Conditions of one rule must all hold, unless two are on the same argument: then each is a rule of its own.
//! - Of several rules for one call, one without conditions wins, and of several such the first.

use super::action::answer;
use super::arch::Architecture;
use super::argument::Condition;
use super::numbers::Name;
use super::{multiplexed, property};
use crate::error::Error;
use oci_spec::runtime::{LinuxSeccomp, LinuxSyscall};

/// An answer and its conditions; without any it always holds.
#[derive(Debug)]
pub(super) struct Rule {
    pub answer: u32,
    pub conditions: Vec<Condition>,
}

impl Rule {
    /// Whether one comparison after the other decides both, see [`Condition::shares_with`].
    pub fn shares_with(&self, other: &Rule) -> bool {
        match (&self.conditions[..], &other.conditions[..]) {
            ([one], [another]) => self.answer == other.answer && one.shares_with(*another),
            _ => false,
        }
    }
}

/// The calls that the kernel gives one name, in the order of their numbers.
#[derive(Debug)]
pub(super) struct Family {
    pub token: u32,
    pub members: Vec<Architecture>,
    pub calls: Vec<Call>,
}

/// A system call and one of its rules (its place in [`Policy::rules`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub number: u32,
    pub rule: u32,
}

/// A profile, read.
#[derive(Debug)]
pub(super) struct Policy {
    pub default: u32,
    pub rules: Vec<Rule>,
    /// The native one first.
    pub families: Vec<Family>,
}

impl Policy {
    pub fn read(profile: &LinuxSeccomp) -> Result<Self, Error> {
        let default = answer(profile.default_action(), profile.default_errno_ret(), "defaultErrnoRet")?;
        let mut policy = Policy { default, rules: Vec::new(), families: Vec::new() };
        policy.family(Architecture::NATIVE);
        for (position, &named) in profile.architectures().iter().flatten().enumerate() {
            policy.family(Architecture::new(named, position)?);
        }
        for (position, syscall) in profile.syscalls().iter().flatten().enumerate() {
            policy.add(syscall, position)?;
        }
        for family in &mut policy.families {
            // One number to compare instead of two.
            family.calls.sort_unstable_by_key(|call| u64::from(call.number) << 32 | u64::from(call.rule));
        }
        Ok(policy)
    }

    /// Makes sure that `architecture` is served.
    fn family(&mut self, architecture: Architecture) {
        let token = architecture.token();
        match self.families.iter_mut().find(|family| family.token == token) {
            Some(family) if family.members.contains(&architecture) => {}
            Some(family) => family.members.push(architecture),
            None => self.families.push(Family { token, members: vec![architecture], calls: Vec::new() }),
        }
    }

    fn add(&mut self, syscall: &LinuxSyscall, position: usize) -> Result<(), Error> {
        let of = format_args!("syscalls[{position}]");
        if syscall.names().is_empty() {
            return Err(property(format_args!("{of}.names"), "names no system call"));
        }
        let answer = answer(syscall.action(), syscall.errno_ret(), format_args!("{of}.errnoRet"))?;
        let given = syscall.args().iter().flatten().enumerate();
        let conditions = given
            .map(|(place, argument)| Condition::new(argument, format_args!("{of}.args[{place}]")))
            .collect::<Result<Vec<_>, _>>()?;
        if answer == self.default {
            return Ok(());
        }
        let first = self.rules.len();
        if twice(&conditions) {
            self.rules.extend(conditions.iter().map(|&one| Rule { answer, conditions: vec![one] }));
        } else {
            self.rules.push(Rule { answer, conditions });
        }
        let last = self.rules.len();
        for name in syscall.names() {
            for rule in first..last {
                self.name(Name::new(name), rule);
            }
        }
        Ok(())
    }

    /// Applies a rule to a name on all architectures.
    fn name(&mut self, name: Name, rule: usize) {
        for family in &mut self.families {
            for &architecture in &family.members {
                if let Some(number) = architecture.number(name) {
                    family.calls.push(Call { number, rule: rule as u32 });
                }
                if architecture != Architecture::X86 {
                    continue;
                }
                let outer = multiplexed::outer(name.text);
                let outer =
                    outer.and_then(|(outer, inner)| Some((architecture.number(Name::new(outer))?, inner)));
                if let Some((number, inner)) = outer {
                    let Rule { answer, conditions } = &self.rules[rule];
                    let others = conditions.iter().copied().filter(|condition| condition.index != 0);
                    let conditions = std::iter::once(Condition::first_is(inner)).chain(others).collect();
                    let inside = Rule { answer: *answer, conditions };
                    family.calls.push(Call { number, rule: self.rules.len() as u32 });
                    self.rules.push(inside);
                }
            }
        }
    }
}

/// Whether two conditions are on the same argument.
fn twice(conditions: &[Condition]) -> bool {
    let mut seen = 0_u8;
    conditions.iter().any(|condition| {
        let bit = 1 << condition.index;
        let again = seen & bit != 0;
        seen |= bit;
        again
    })
}
