//! The filter of one family of architectures: a binary search over the numbers of the system calls.
//!
//! Neighbours with the same answer become one stretch of numbers, so an engine's profile of some 350 calls is about
//! sixty stretches, and a call meets six comparisons. That is also what makes a filter quick to install: the kernel
//! compiles it once more, and runs it once for each call that it knows, to remember which are always allowed.

use super::action::BAD_ARCHITECTURE;
use super::arch::{Architecture, narrow};
use super::bpf::{Assembler, Target, Test};
use super::rules::{Call, Family, Policy, Rule};
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
    let segments = segments(&stretches(policy, family));
    let mut tree = Tree { program, policy, token: family.token };
    let root = tree.grow(&segments);
    program.load(NUMBER, root)
}

/// What numbers from `first` to the next stretch are answered with.
#[derive(Debug, Clone, Copy)]
struct Stretch<'a> {
    first: u32,
    answer: Answer<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    if all.last().is_none_or(|last| last.answer != answer) {
        all.push(Stretch { first, answer });
    }
}

/// One or three stretches: the third has the answer of the first, and the one between them is a single number, which
/// one comparison tells from the others.
#[derive(Debug)]
struct Segment<'a> {
    stretch: Stretch<'a>,
    but: Option<Stretch<'a>>,
}

fn segments<'a>(mut stretches: &[Stretch<'a>]) -> Vec<Segment<'a>> {
    let mut all = Vec::with_capacity(stretches.len());
    while let [stretch, rest @ ..] = stretches {
        let but = match rest {
            [one, next, ..] if one.first + 1 == next.first && next.answer == stretch.answer => Some(*one),
            _ => None,
        };
        stretches = if but.is_some() { &rest[2..] } else { rest };
        all.push(Segment { stretch: *stretch, but });
    }
    all
}

struct Tree<'a> {
    program: &'a mut Assembler,
    policy: &'a Policy,
    token: u32,
}

impl Tree<'_> {
    /// The search among these.
    fn grow(&mut self, segments: &[Segment]) -> Target {
        match segments {
            [] => Target::Return(self.policy.default),
            [Segment { stretch, but: None }] => self.answer(stretch.answer),
            [Segment { stretch, but: Some(one) }] => {
                let others = self.answer(stretch.answer);
                let this = self.answer(one.answer);
                self.program.branch(Test::Equal, one.first, this, others)
            }
            _ => {
                let (low, high) = segments.split_at(segments.len() / 2);
                let first = high[0].stretch.first;
                let high = self.grow(high);
                let low = self.grow(low);
                self.program.branch(Test::GreaterOrEqual, first, high, low)
            }
        }
    }

    fn answer(&mut self, answer: Answer) -> Target {
        let calls = match answer {
            Answer::Always(answer) => return Target::Return(answer),
            Answer::Depends(calls) => calls,
        };
        let narrow = narrow(self.token, calls[0].number);
        let policy = self.policy;
        let rule = |call: &Call| &policy.rules[call.rule as usize];
        let groups = calls.chunk_by(|one, other| rule(one).shares_with(rule(other)));
        groups.rev().fold(Target::Return(policy.default), |otherwise, group| {
            let Rule { answer, conditions } = rule(&group[0]);
            let others: Vec<_> = group[1..].iter().flat_map(|call| &rule(call).conditions).copied().collect();
            conditions.iter().rev().fold(Target::Return(*answer), |next, condition| {
                condition.assemble(&others, self.program, narrow, next, otherwise)
            })
        })
    }
}
