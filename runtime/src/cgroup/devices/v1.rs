//! Version 1: the kernel's list of exceptions (`Documentation/admin-guide/cgroup-v1/devices.rst`).
//!
//! A group either allows all but its exceptions or denies all but them, and an exception is taken back only
//! by naming it exactly as it was made. So the rules are first worked out here; a rule that would take a
//! part out of a wider exception has no form there, and is refused rather than lost.

use super::rules::{Kind, MAKE, READ, Rule, WRITE};
use crate::cgroup::problem::Problem;
use crate::error::{Context, Error};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::write;
use std::fs;
use std::path::Path;

type Node = (Kind, Option<u32>, Option<u32>);

/// What a group's list says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::cgroup) struct List {
    allows_others: bool,
    /// In the order of the rules, in which the kernel lists them as well.
    exceptions: Vec<(Node, u8)>,
}

impl List {
    /// Works out `rules`, from a group that denies all.
    pub(in crate::cgroup) fn of(rules: &[Rule]) -> Result<Self, Problem> {
        let mut list = Self::default();
        for rule in rules {
            list.apply(rule)?;
        }
        Ok(list)
    }

    fn apply(&mut self, rule: &Rule) -> Result<(), Problem> {
        if rule.is_total() {
            *self = Self { allows_others: rule.allow, exceptions: Vec::new() };
            return Ok(());
        }
        let kinds = rule.kind.map_or([Some(Kind::Block), Some(Kind::Character)], |kind| [Some(kind), None]);
        for kind in kinds.into_iter().flatten() {
            let node = (kind, rule.major, rule.minor);
            if rule.allow != self.allows_others {
                self.add(node, rule.access);
                continue;
            }
            let wider = self.exceptions.iter().any(|&(other, access)| {
                other != node && access & rule.access != 0 && overlap(other, node) && !within(other, node)
            });
            if wider {
                let why = format!(
                    "cgroup version 1 cannot {} {} within a wider rule",
                    if rule.allow { "allow" } else { "deny" },
                    words(node, rule.access)
                );
                return Err(Problem::unavailable("devices", why));
            }
            for (_, access) in self.exceptions.iter_mut().filter(|(other, _)| within(*other, node)) {
                *access &= !rule.access;
            }
        }
        self.exceptions.retain(|(_, access)| *access != 0);
        Ok(())
    }

    fn add(&mut self, node: Node, access: u8) {
        match self.exceptions.iter_mut().find(|(other, _)| *other == node) {
            Some((_, all)) => *all |= access,
            None => self.exceptions.push((node, access)),
        }
    }

    /// Writes it into the group `folder`, whose list is `now`.
    pub(in crate::cgroup) fn enforce(&self, folder: &Path, now: &Self) -> Result<(), Problem> {
        let (more, less) = if self.allows_others { ("deny", "allow") } else { ("allow", "deny") };
        let mut base = &*now.exceptions;
        if self.allows_others != now.allows_others {
            put(folder, less, ["a".to_owned()].into_iter())?;
            base = &[];
        }
        let beyond = |these: &[(Node, u8)], those: &[(Node, u8)]| {
            let has = |node| those.iter().find(|(other, _)| *other == node).map_or(0, |(_, access)| *access);
            let rest = these.iter().map(|&(node, access)| (node, access & !has(node)));
            rest.filter(|(_, access)| *access != 0)
                .map(|(node, access)| words(node, access))
                .collect::<Vec<_>>()
        };
        // First what is new, so that a running program never loses what it keeps.
        put(folder, more, beyond(&self.exceptions, base).into_iter())?;
        put(folder, less, beyond(base, &self.exceptions).into_iter())
    }

    /// Reads back `devices.list`.
    fn parse(text: &str) -> Self {
        let mut list = Self::default();
        for line in text.lines() {
            let mut words = line.split([' ', ':']);
            let kind = match words.next() {
                Some("b") => Kind::Block,
                Some("c") => Kind::Character,
                // The exceptions of a group that allows all are not listed.
                _ => return Self { allows_others: true, exceptions: Vec::new() },
            };
            let mut number = || words.next().and_then(|word| word.parse().ok());
            let node = (kind, number(), number());
            let access = words.next().unwrap_or_default().chars().map(bit).fold(0, |all, bit| all | bit);
            list.add(node, access);
        }
        list
    }
}

/// The list of the group `folder`.
pub(in crate::cgroup) fn read(folder: &Path) -> Result<List, Error> {
    let file = folder.join("devices.list");
    Ok(List::parse(&fs::read_to_string(&file).at("reading", &file)?))
}

/// A new group's list, under a parent that allows all: the usual case.
pub(in crate::cgroup) fn allows_all() -> List {
    List { allows_others: true, exceptions: Vec::new() }
}

/// Writes `rules` to one file, each in a call of its own.
fn put(folder: &Path, word: &str, rules: impl ExactSizeIterator<Item = String>) -> Result<(), Problem> {
    if rules.len() == 0 {
        return Ok(());
    }
    let file = folder.join(format!("devices.{word}"));
    let failed = |value: &str, source| Problem::Write {
        property: "devices".into(),
        value: value.into(),
        file: file.clone(),
        source,
    };
    let open = openat(CWD, &file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|source| failed("", source))?;
    for rule in rules {
        write(&open, rule.as_bytes()).map_err(|source| failed(&rule, source))?;
    }
    Ok(())
}

fn overlap(a: Node, b: Node) -> bool {
    let same = |a: Option<u32>, b: Option<u32>| a.is_none() || b.is_none() || a == b;
    a.0 == b.0 && same(a.1, b.1) && same(a.2, b.2)
}

/// Whether every node of `a` is one of `b`.
fn within(a: Node, b: Node) -> bool {
    a.0 == b.0 && (b.1.is_none() || a.1 == b.1) && (b.2.is_none() || a.2 == b.2)
}

fn words((kind, major, minor): Node, access: u8) -> String {
    let kind = if kind == Kind::Block { 'b' } else { 'c' };
    let number = |number: Option<u32>| number.map_or_else(|| "*".into(), |number| number.to_string());
    let mut text = format!("{kind} {}:{} ", number(major), number(minor));
    text.extend(['r', 'w', 'm'].into_iter().filter(|&letter| access & bit(letter) != 0));
    text
}

const fn bit(letter: char) -> u8 {
    match letter {
        'r' => READ,
        'w' => WRITE,
        'm' => MAKE,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::{allowed, any_rule};
    use super::super::rules::{ANY, all};
    use super::*;
    use proptest::prelude::*;

    /// What the kernel does with a list.
    fn kernel(list: &List, kind: Kind, major: u32, minor: u32, access: u8) -> bool {
        let fits = |(node, _): &&(Node, u8)| overlap(*node, (kind, Some(major), Some(minor)));
        let mut exceptions = list.exceptions.iter().filter(fits).map(|(_, access)| *access);
        if list.allows_others {
            exceptions.all(|each| each & access == 0)
        } else {
            exceptions.any(|each| access & !each == 0)
        }
    }

    proptest! {
        #[test]
        fn a_list_says_what_its_rules_say(rules in prop::collection::vec(any_rule(), 0..6)) {
            let Ok(list) = List::of(&rules) else { return Ok(()) };
            for kind in [Kind::Block, Kind::Character] {
                for number in 0..9_u32 {
                    for access in [MAKE, READ, WRITE] {
                        let (major, minor) = (number / 3, number % 3);
                        let expected = allowed(&rules, kind, major, minor, access);
                        prop_assert_eq!(kernel(&list, kind, major, minor, access), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn a_hole_in_a_wider_rule_is_refused() {
        let wide = Rule { allow: true, kind: Some(Kind::Character), major: None, minor: None, access: ANY };
        let hole = Rule { allow: false, major: Some(1), minor: Some(3), ..wide };
        let error = List::of(&[wide, hole]).unwrap_err();
        assert!(error.to_string().contains("deny c 1:3 rwm"), "{error}");
    }

    #[test]
    fn a_list_is_read_back_as_it_was_written() {
        let list = List::of(&all(&[]).unwrap()).unwrap();
        let text: Vec<String> = list.exceptions.iter().map(|&(node, access)| words(node, access)).collect();
        assert_eq!(List::parse(&text.join("\n")), list);
        assert!(List::parse("a *:* rwm").allows_others);
    }
}
