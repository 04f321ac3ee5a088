//! The filter of one family of architectures: a binary search over the numbers of the system calls.
//!
//! Neighbours with the same answer become one stretch of numbers, so an engine's profile of some 350 calls is about
//! sixty stretches, and a call meets six comparisons. That is also what makes a filter quick to install: the kernel
//! runs a new one once for each call that it knows, to remember which are always allowed.

use super::action::BAD_ARCHITECTURE;
use super::arch::{Architecture, narrow};
use super::bpf::{Assembler, Target, Test};
use super::rules::{Call, Family, Policy};
use super::x32;

/// What `struct seccomp_data` begins with.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// The whole filter: by whose rules was it called, and with which number?
pub(super) fn assemble(policy: &Policy) -> Vec<libc::sock_filter> {
    let mut program = Assembler::default();
    let mut next = Target::Return(BAD_ARCHITECTURE);
    // From the end: the native architecture comes last, and is asked for first.
    let heads: Vec<_> = policy
        .families
        .iter()
        .rev()
        .map(|family| (family.token, head(&mut program, policy, family)))
        .collect();
    for (token, head) in heads {
        next = program.branch(Test::Equal, token, head, next);
    }
    let entry = program.load(ARCHITECTURE, next);
    program.finish(entry)
}

fn head(program: &mut Assembler, policy: &Policy, family: &Family) -> Target {
    let stretches = stretches(policy, family);
    let mut tree = Tree { program, policy, token: family.token };
    let root = tree.grow(&stretches);
    program.load(NUMBER, root)
}

/// What numbers from `first` to the next stretch are answered with.
#[derive(Debug, Clone, Copy)]
struct Stretch<'a> {
    first: u32,
    answer: Answer<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Answer<'a> {
    Always(u32),
    /// By rules for one call, the first whose conditions hold.
    Depends(&'a [Call]),
}

/// Cuts all numbers, 0 to the highest, into stretches.
fn stretches<'a>(policy: &Policy, family: &'a Family) -> Vec<Stretch<'a>> {
    let default = Answer::Always(policy.default);
    let mut all = vec![Stretch { first: 0, answer: default }];
    let mut calls = family.calls.chunk_by(|one, other| one.number == other.number).peekable();
    let call = |all: &mut Vec<_>, calls: &'a [Call]| {
        let always = calls
            .iter()
            .map(|call| &policy.rules[call.rule as usize])
            .find(|rule| rule.conditions.is_empty());
        let answer = always.map_or(Answer::Depends(calls), |rule| Answer::Always(rule.answer));
        push(all, calls[0].number, answer);
        push(all, calls[0].number + 1, default);
    };
    while let Some(calls) = calls.next_if(|calls| calls[0].number < x32::BIT) {
        call(&mut all, calls);
    }
    if family.members.contains(&Architecture::NATIVE) && !family.members.contains(&Architecture::X32) {
        push(&mut all, x32::BIT, Answer::Always(BAD_ARCHITECTURE));
        // A tracer skips a call by making it number -1, which is none of x32.
        push(&mut all, u32::MAX, default);
    }
    for calls in calls {
        call(&mut all, calls);
    }
    all
}

/// Adds a stretch behind the others, or makes the last one longer.
fn push<'a>(all: &mut Vec<Stretch<'a>>, first: u32, answer: Answer<'a>) {
    if all.last().is_some_and(|last| last.first == first) {
        all.pop();
    }
    match (all.last().map(|last| last.answer), answer) {
        (Some(Answer::Always(last)), Answer::Always(answer)) if last == answer => {}
        _ => all.push(Stretch { first, answer }),
    }
}

struct Tree<'a> {
    program: &'a mut Assembler,
    policy: &'a Policy,
    token: u32,
}

impl Tree<'_> {
    /// The search among these.
    fn grow(&mut self, stretches: &[Stretch]) -> Target {
        match stretches {
            [] => Target::Return(self.policy.default),
            [one] => self.answer(*one),
            _ => {
                let (low, high) = stretches.split_at(stretches.len() / 2);
                let first = high[0].first;
                let high = self.grow(high);
                let low = self.grow(low);
                self.program.branch(Test::GreaterOrEqual, first, high, low)
            }
        }
    }

    fn answer(&mut self, stretch: Stretch) -> Target {
        let calls = match stretch.answer {
            Answer::Always(answer) => return Target::Return(answer),
            Answer::Depends(calls) => calls,
        };
        let narrow = narrow(self.token, stretch.first);
        calls.iter().rev().fold(Target::Return(self.policy.default), |otherwise, call| {
            let rule = &self.policy.rules[call.rule as usize];
            rule.conditions.iter().rev().fold(Target::Return(rule.answer), |next, condition| {
                condition.assemble(self.program, narrow, next, otherwise)
            })
        })
    }
}
