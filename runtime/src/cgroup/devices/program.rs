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
    for rule in rules.iter().rev() {
        add(&mut program, rule);
        if rule.is_total() {
            // The kernel takes no program with a part that is never reached.
            return program;
        }
    }
    program.extend(end(false));
    program
}

fn end(allow: bool) -> [Instruction; 2] {
    [Instruction::with(MOVE, RESULT, allow.into()), Instruction::with(EXIT, 0, 0)]
}

fn add(program: &mut Vec<Instruction>, rule: &Rule) {
    // A number above a constant's range turns negative, and equals none: no device has one either.
    let conditions = [(KIND, rule.kind.map(|kind| kind as u32)), (MAJOR, rule.major), (MINOR, rule.minor)];
    let conditions = conditions.into_iter().filter_map(|(register, value)| Some((register, value?)));
    let access = i32::from(rule.access);
    let decision: Vec<Instruction> = match (rule.access == ANY, rule.allow) {
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
    };
    let conditions: Vec<_> = conditions.collect();
    for (index, &(register, value)) in conditions.iter().enumerate() {
        let rest = conditions.len() - index - 1 + decision.len();
        program.push(Instruction::jump(JUMP_IF_NOT_EQUAL, register, value as i32, rest as i16));
    }
    program.extend(decision);
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

    proptest! {
        #[test]
        fn a_program_says_what_its_rules_say(rules in prop::collection::vec(any_rule(), 0..6)) {
            let program = compile(&rules);
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
    fn the_usual_program_is_short() {
        let rules = all(&[]).unwrap();
        let program = compile(&rules);
        assert!(program.len() < 64, "{}", program.len());
        let ask = |access: u8, major, minor| run(&program, [u32::from(access) << 16 | 2, major, minor]);
        assert!(ask(READ | WRITE, 1, 3) && ask(MAKE, 9, 9));
        assert!(!ask(READ, 1, 1) && !ask(MAKE | READ, 9, 9));
    }
}
