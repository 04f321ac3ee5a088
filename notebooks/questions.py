"""The questions of lab 1: each computes its right answer from the student's own run, and knows the usual mistakes.

A question is three things: the name of the variable that holds the answer, a function that computes the right answer from
a run, and a function that says what is wrong with an answer (None if nothing is) without giving the right one away.
"""

import math
import re
import statistics
from dataclasses import dataclass
from itertools import combinations
from typing import Callable

from samples import median, quantile, same_as_shown

# The clocks of the report: each starts at the spawn and stops at this mark.
CLOCKS = ["begin", "ready", "end", "reaped"]

# The marks after the workload's end, in order. Those between are stamped by launchers, which a bare process and a floor lack.
AFTER_END = ["end", "exited", "cleaned", "reaped"]

# Part 5 asks how many launches took longer than this many medians.
SLOW = 1.5


@dataclass(frozen=True)
class Question:
    """One question: see the top of this file."""

    name: str
    right: Callable
    hint: Callable


def of_each_stack(run, figure, to="begin", all_of_them=False):
    """{stack: `figure` of its spans from `spawn` to the mark `to`}."""
    return {stack: figure(run.spans_ms(stack, to, all_of_them=all_of_them)) for stack in run.stacks}


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def compare_stacks(answer, right, same, mistakes):
    """What is wrong with a number for each stack; `mistakes` are pairs of a hint and the numbers that it explains."""
    if not isinstance(answer, dict):
        return "A dictionary is expected: the name of each stack, and its number."
    if missing := [stack for stack in right if stack not in answer]:
        return f"These stacks are in the file and not in the answer: {', '.join(missing)}."
    if unknown := [str(stack) for stack in answer if stack not in right]:
        return f"No launch that counts is of: {', '.join(unknown)}."
    if odd := [stack for stack in right if not is_number(answer[stack])]:
        return f"A number is expected for: {', '.join(odd)}."
    wrong = [stack for stack in right if not same(answer[stack], right[stack])]
    if not wrong:
        return None
    for hint, numbers in mistakes:
        if all(same(answer[stack], numbers[stack]) for stack in wrong):
            return hint
    return f"Not the right number for: {', '.join(wrong)}."


# 1: launches that count ----------------------------------------------------------------------------------------------


def counted(run):
    return {stack: len(run.launches(stack)) for stack in run.stacks}


def hint_counted(run, right, answer):
    everything = {stack: len(run.launches(stack, all_of_them=True)) for stack in right}
    not_warmup = {stack: sum(not launch["warmup"] for launch in run.launches(stack, True)) for stack in right}
    return compare_stacks(answer, right, lambda a, b: a == b, [
        ("These are all launches that the file has. Two kinds of them do not count: read the text once more.", everything),
        ("The warm-up is left out as it should be. But some launches failed: the column `invalid` says why.", not_warmup),
    ])  # fmt: skip


# 2 and 3: medians and 95 % quantiles of spawn -> begin ---------------------------------------------------------------


def medians(run):
    return of_each_stack(run, median)


def tails(run):
    return of_each_stack(run, lambda spans: quantile(spans, 0.95))


def usual_mistakes(run, right, figure):
    """What anyone gets wrong with a figure of the spans: the unit, the filter, the clock."""
    for unit, factor in [("nanoseconds", 1e6), ("microseconds", 1e3), ("seconds", 1e-3)]:
        yield f"These are {unit}; milliseconds are asked for.", {stack: value * factor for stack, value in right.items()}
    yield "Launches are in it that do not count: see question 1.", of_each_stack(run, figure, all_of_them=True)
    for clock in CLOCKS[1:]:
        yield f"This clock stops at `{clock}`, not at `begin`.", of_each_stack(run, figure, to=clock)


def hint_medians(run, right, answer):
    return compare_stacks(answer, right, same_as_shown, [
        ("This is the mean. One slow launch in a hundred moves it; the median stays.", of_each_stack(run, statistics.mean)),
        *usual_mistakes(run, right, median),
    ])  # fmt: skip


def hint_tails(run, right, answer):
    def nearest(spans):
        return sorted(spans)[math.ceil(0.95 * len(spans)) - 1]

    definition = "A quantile, but by another of the nine definitions: the report's joins neighbouring values by a line (type 7)."
    return compare_stacks(answer, right, same_as_shown, [
        ("These are the medians.", medians(run)),
        (definition, of_each_stack(run, nearest)),
        ("This is the slowest launch of all.", of_each_stack(run, max)),
        ("This is the other end: one launch in twenty is quicker than it.", of_each_stack(run, lambda s: quantile(s, 0.05))),
        *usual_mistakes(run, right, lambda spans: quantile(spans, 0.95)),
    ])  # fmt: skip


# 4: the ECDF ---------------------------------------------------------------------------------------------------------


def ecdf_of_all(run):
    """{stack: [x, y]}: the values in ascending order, and the share of launches that took no longer than each."""

    def curve(spans):
        return [sorted(spans), [(k + 1) / len(spans) for k in range(len(spans))]]

    return of_each_stack(run, curve)


def hint_ecdf(_run, right, answer):
    if not isinstance(answer, dict) or set(answer) != set(right):
        return "The function is to be called for every stack: leave the line below it as it was."
    for stack, (xs, ys) in right.items():
        pair = answer[stack]
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, list) for part in pair):
            return "Return two things of equal length: the values x and the shares y."
        if len(pair[0]) != len(xs) or len(pair[1]) != len(xs):
            return f"{stack}: one point for each launch is expected, in x and in y."
        if not all(map(is_number, pair[0] + pair[1])):
            return f"{stack}: x and y hold numbers only."
        if any(a > b for a, b in zip(pair[0], pair[0][1:])):
            return "The curve goes to and fro: in which order do the values have to come?"
        if not all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(pair[0], xs)):
            return f"{stack}: x has other values than the launches have."
        if not all(math.isclose(a, b, abs_tol=1e-9) for a, b in zip(pair[1], ys)):
            return (
                "The shares are not right yet. When the slowest launch is done, what share of all is done? "
                "And when the first is, is it none of them?"
            )
    return None


# 5: slow launches ----------------------------------------------------------------------------------------------------


def slow_share(run):
    def share(spans):
        return sum(span > SLOW * median(spans) for span in spans) / len(spans)

    return of_each_stack(run, share)


def hint_slow_share(run, right, answer):
    each = {stack: len(run.spans_ms(stack, "begin")) for stack in right}
    return compare_stacks(answer, right, lambda a, b: abs(a - b) < 1e-3, [
        ("These are numbers of launches; shares are asked for.", {stack: right[stack] * each[stack] for stack in right}),
        ("These are per cent; shares, from 0 to 1, are asked for.", {stack: right[stack] * 100 for stack in right}),
        ("These are the shares of the others: those that were not slow.", {stack: 1 - right[stack] for stack in right}),
    ])  # fmt: skip


# 6: pairs that change places -----------------------------------------------------------------------------------------


def flips(run):
    """Pairs of stacks of which one is ahead at `begin` and the other at `reaped`, by medians."""
    begin, reaped = (of_each_stack(run, median, to=mark) for mark in ("begin", "reaped"))
    changed = [(a, b) for a, b in combinations(run.stacks, 2) if (begin[a] - begin[b]) * (reaped[a] - reaped[b]) < 0]
    return [sorted(pair) for pair in changed]


def hint_flips(run, right, answer):
    if not isinstance(answer, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in answer):
        return "A list of pairs is expected, such as [('process', 'container')]; an empty list if nothing changes places."
    names = {str(name) for pair in answer for name in pair}
    if unknown := sorted(names - set(run.stacks)):
        return f"No launch that counts is of: {', '.join(unknown)}."
    given = {frozenset(map(str, pair)) for pair in answer}
    if any(len(pair) < 2 for pair in given):
        return "A stack cannot change places with itself."
    wanted = {frozenset(pair) for pair in right}
    missing, extra = len(wanted - given), len(given - wanted)
    if not missing and not extra:
        return None
    found = f"{missing} pair{'s' * (missing != 1)} missing, {extra} too many"
    return f"{found}. For two stacks: who has the smaller median at `begin`, and who at `reaped`?"


# 7: the longest step after the end -----------------------------------------------------------------------------------


def steps(run):
    """{(stack, mark): median ms of the step after `end` that this mark ends}, where a launcher has stamped them."""
    found = {}
    for stack in run.stacks:
        if not run.spans_ms(stack, "cleaned"):
            continue
        present = [mark for mark in AFTER_END if run.spans_ms(stack, mark)]
        for since, to in zip(present, present[1:]):
            found[stack, to] = median(run.spans_ms(stack, to, since=since))
    return found


def longest(run):
    found = steps(run)
    return list(max(found, key=found.get)) if found else None


def hint_longest(run, right, answer):
    if right is None:
        return "No launcher stamped its steps in this run: it needs a container or a VM. Take another report."
    if not isinstance(answer, list) or len(answer) != 2:
        return "Two names are expected: the stack, and the mark that ends the step, such as ('process', 'reaped')."
    if tuple(map(str, answer)) not in steps(run):
        known = ", ".join(sorted({stack for stack, _ in steps(run)}))
        return f"The stacks to choose from are {known}; the marks are {', '.join(AFTER_END[1:])}."
    if answer == right:
        return None
    if answer[0] == right[0]:
        return "The stack is right; another of its steps is longer."
    return "Another stack has a longer step. Take the median of each step over the launches that count."


# 8: the explanation --------------------------------------------------------------------------------------------------


def explanation(run):
    """What the words have to show as evidence: the stack, the mark, and how long the step takes in the median, in ms."""
    found = longest(run)
    return found and [*found, steps(run)[tuple(found)]]


def hint_explanation(_run, right, answer):
    if right is None:
        return "No launcher stamped its steps in this run: see question 7."
    if not isinstance(answer, str):
        return "Words are expected, in quotation marks."
    stack, mark, span = right
    if len(answer.split()) < 20:
        return "Too short to say what is observed, and why: at least 20 words."
    if not re.search(rf"(?<![\w-]){re.escape(stack)}(?![\w-])", answer, re.IGNORECASE):
        return "Name the stack that you speak of."
    if not re.search(rf"\b{mark}\b", answer):
        return "Name the mark that ends the step in question."
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", answer)]
    if not any(math.isclose(number, span, rel_tol=0.1, abs_tol=0.0005) for number in numbers):
        return "Give your evidence: how long this step takes in the median, in milliseconds."
    return None


QUESTIONS = {
    1: Question("counted", counted, hint_counted),
    2: Question("median_ms", medians, hint_medians),
    3: Question("p95_ms", tails, hint_tails),
    4: Question("curves", ecdf_of_all, hint_ecdf),
    5: Question("slow_share", slow_share, hint_slow_share),
    6: Question("flips", flips, hint_flips),
    7: Question("longest", longest, hint_longest),
    8: Question("explanation", explanation, hint_explanation),
}
