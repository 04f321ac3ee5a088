//! Version 2: the rules as a program, which the kernel runs whenever a process of the group opens or makes a
//! device node (`BPF_PROG_TYPE_CGROUP_DEVICE`, `Documentation/admin-guide/cgroup-v2.rst`, "Device controller").
//!
//! The last rule that fits counts, so the program tries them from the last to the first. An access can ask for
//! several things at once, and one rule may decide some of them: what is decided as allowed is taken off
//! the request, and the access is allowed when nothing of it is left.

use super::bpf;
use super::instructions::{
    AND, EXIT, Instruction, JUMP_ALWAYS, JUMP_IF_ANY_BIT, JUMP_IF_NOT_EQUAL, MOVE, SHIFT_RIGHT,
};
use super::rules::{ANY, Rule};
use crate::error::Error;
use std::os::fd::{AsFd, OwnedFd};

// The registers: the argument comes in the second.
const RESULT: u8 = 0;
const CONTEXT: u8 = 1;
const ASKED: u8 = 2;
const KIND: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// Puts the container's group `folder` under `rules`, in place of those it was under, if it is not new.
pub(in crate::cgroup) fn enforce(rules: &[Rule], folder: &OwnedFd, new: bool) -> Result<(), Error> {
    let program = bpf::load(&compile(rules))?;
    if new { bpf::attach(&program, folder.as_fd()) } else { bpf::replace(&program, folder.as_fd()) }
}

fn compile(rules: &[Rule]) -> Vec<Instruction> {
    // struct bpf_cgroup_dev_ctx: access << 16 | type, major, minor.
    let mut program = vec![
        Instruction::load(ASKED, CONTEXT, 0),
        Instruction::copy(KIND, ASKED),
        Instruction::with(AND, KIND, 0xffff),
        Instruction::with(SHIFT_RIGHT, ASKED, 16),
        Instruction::load(MAJOR, CONTEXT, 4),
        Instruction::load(MINOR, CONTEXT, 8),
    ];
    let rules: Vec<Rule> = rules.iter().rev().copied().collect();
    let (tests, decided) = test(&rules, &CONDITIONS);
    program.extend(tests);
    if !decided {
        program.extend(end(false));
    }
    program
}

fn end(allow: bool) -> [Instruction; 2] {
    [Instruction::with(MOVE, RESULT, allow.into()), Instruction::with(EXIT, 0, 0)]
}

/// What of an access a rule asks for: the register, and the value that the rule wants to find there; `None`: any.
type Condition = (u8, fn(&Rule) -> Option<u32>);

const CONDITIONS: [Condition; 3] = [
    (KIND, |rule| rule.kind.map(|kind| kind as u32)),
    (MAJOR, |rule| rule.major),
    (MINOR, |rule| rule.minor),
];

/// As many rules behind one test are surely in the reach of its jump.
const MOST: usize = 1024;

/// Tries `rules` in their order by what is left of the conditions; and whether the end is never reached. Neighbours
/// that ask for the same share the test: before the kernel takes a program it walks all ways through it, and each
/// test not made is one fork less.
fn test(rules: &[Rule], conditions: &[Condition]) -> (Vec<Instruction>, bool) {
    let mut program = Vec::new();
    let Some((&(register, wanted), others)) = conditions.split_first() else {
        for rule in rules {
            program.extend(decide(rule));
            if rule.access == ANY {
                // The kernel takes no program with a part that is never reached.
                return (program, true);
            }
        }
        return (program, false);
    };
    let runs = rules.chunk_by(|one, next| wanted(one) == wanted(next)).flat_map(|run| run.chunks(MOST));
    for run in runs {
        let (tests, decided) = test(run, others);
        let wanted = wanted(&run[0]);
        if let Some(value) = wanted {
            // A number above a constant's range turns negative, and equals none: no device has one either.
            let (value, over) = (value as i32, tests.len() as i16);
            program.push(Instruction::jump(JUMP_IF_NOT_EQUAL, register, value, over));
        }
        program.extend(tests);
        if wanted.is_none() && decided {
            return (program, true);
        }
    }
    (program, false)
}

/// Decides what `rule`, which fits, says of the access; goes on behind with the rest.
fn decide(rule: &Rule) -> Vec<Instruction> {
    let access = i32::from(rule.access);
    match (rule.access == ANY, rule.allow) {
        (true, allow) => end(allow).into(),
        (false, true) => {
            [Instruction::with(AND, ASKED, !access), Instruction::jump(JUMP_IF_NOT_EQUAL, ASKED, 0, 2)]
                .into_iter()
                .chain(end(true))
                .collect()
        }
        // Over one jump: there is no test for "no bit", so the two ways meet in the opposite order.
        (false, false) => {
            [Instruction::jump(JUMP_IF_ANY_BIT, ASKED, access, 1), Instruction::jump(JUMP_ALWAYS, 0, 0, 2)]
                .into_iter()
                .chain(end(false))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::{allowed, any_rule};
    use super::super::rules::{Kind, MAKE, READ, WRITE, all};
    use super::*;
    use proptest::prelude::*;

    /// The kernel's virtual machine, as far as these programs use it.
    fn run(program: &[Instruction], context: [u32; 3]) -> bool {
        let mut registers = [0_u64; 6];
        let mut at = 0;
        loop {
            let Instruction { code, registers: pair, offset, constant } = program[at];
            let (to, from) = (usize::from(pair & 0xf), usize::from(pair >> 4));
            let value = i64::from(constant) as u64;
            at += 1;
            let jumps = match code {
                0x61 => {
                    registers[to] = context[offset as usize / 4].into();
                    false
                }
                0xbf => {
                    registers[to] = registers[from];
                    false
                }
                MOVE => {
                    registers[to] = value;
                    false
                }
                AND => {
                    registers[to] &= value;
                    false
                }
                SHIFT_RIGHT => {
                    registers[to] >>= value;
                    false
                }
                JUMP_ALWAYS => true,
                JUMP_IF_NOT_EQUAL => registers[to] != value,
                JUMP_IF_ANY_BIT => registers[to] & value != 0,
                EXIT => return registers[0] != 0,
                other => panic!("no such instruction: {other:#x}"),
            };
            at += if jumps { offset as usize } else { 0 };
        }
    }

    /// Whether some way leads to each instruction.
    fn is_reached_everywhere(program: &[Instruction]) -> bool {
        let mut reached = vec![false; program.len()];
        let mut ways = vec![0];
        while let Some(at) = ways.pop() {
            if std::mem::replace(&mut reached[at], true) {
                continue;
            }
            let Instruction { code, offset, .. } = program[at];
            let jump = at + 1 + offset as usize;
            match code {
                EXIT => {}
                JUMP_ALWAYS => ways.push(jump),
                JUMP_IF_NOT_EQUAL | JUMP_IF_ANY_BIT => ways.extend([at + 1, jump]),
                _ => ways.push(at + 1),
            }
        }
        reached.into_iter().all(|one| one)
    }

    proptest! {
        #[test]
        fn a_program_says_what_its_rules_say(rules in prop::collection::vec(any_rule(), 0..6)) {
            let program = compile(&rules);
            prop_assert!(is_reached_everywhere(&program));
            for kind in [Kind::Block, Kind::Character] {
                for number in 0..9_u32 {
                    for access in 1..=ANY {
                        let (major, minor) = (number / 3, number % 3);
                        let context = [u32::from(access) << 16 | kind as u32, major, minor];
                        let expected = allowed(&rules, kind, major, minor, access);
                        prop_assert_eq!(run(&program, context), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn more_rules_than_a_jump_passes_over_are_still_rules() {
        let rule = |minor| Rule {
            allow: minor % 2 == 0,
            kind: Some(Kind::Character),
            major: Some(7),
            minor: Some(minor),
            access: READ,
        };
        let program = compile(&(0..20_000).map(rule).collect::<Vec<_>>());
        let ask = |minor| run(&program, [u32::from(READ) << 16 | 2, 7, minor]);
        assert!(ask(0) && ask(19_998) && !ask(1) && !ask(19_999) && !ask(20_000));
    }

    #[test]
    fn the_usual_program_is_short() {
        let rules = all(&[]).unwrap();
        let program = compile(&rules);
        assert!(program.len() < 48, "{}", program.len());
        let ask = |access: u8, major, minor| run(&program, [u32::from(access) << 16 | 2, major, minor]);
        assert!(ask(READ | WRITE, 1, 3) && ask(MAKE, 9, 9));
        assert!(!ask(READ, 1, 1) && !ask(MAKE | READ, 9, 9));
    }
}
