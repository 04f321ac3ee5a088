"""Grades lab 1: `check(1, answer)` in the notebook, and this command for a notebook that is handed in.

    .venv/bin/python notebooks/check.py notebooks/01-first-comparison.ipynb

Right answers are computed from the run that the notebook measured, never stored. In the notebook, each check leaves the
answer itself in its output; the command reads these from the saved file and grades them anew. It runs nothing of the
notebook, so a file from anyone may be graded. Exit status: 0 all right; 1 something is wrong or missing; 2 cannot grade.
"""

import argparse
import json
import math
import sys
import textwrap
from pathlib import Path

from questions import QUESTIONS
from samples import Run, Unreadable, read_json

# The type under which an answer lies in a notebook's output, beside the text that is shown.
ANSWER = "application/vnd.isolab.answer+json"


def plain(value):
    """An answer as JSON has it: lists, dictionaries, strings, finite numbers; None for `...`, not answered yet."""
    if value is Ellipsis or value is None:
        return None
    for converter in ("to_dict", "tolist"):  # pandas; numpy, arrays and scalars alike
        if hasattr(value, converter):
            return plain(getattr(value, converter)())
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def unanswered(answer):
    """Whether the place for the answer is as it was: nothing, or nothing for each stack."""
    if isinstance(answer, (dict, list)) and answer:
        return all(map(unanswered, answer.values() if isinstance(answer, dict) else answer))
    return answer is None


def grade(run, number, answer):
    """The verdict on one answer: "right", "wrong" or "missing", and a hint."""
    question = QUESTIONS[number]
    if unanswered(answer):
        return "missing", f"`{question.name}` is not answered yet."
    hint = question.hint(run, question.right(run), answer)
    return ("wrong", hint) if hint else ("right", "")


class Verdict:
    """What a cell with a check shows: words for the reader, and the answer for the command."""

    def __init__(self, run, number, answer):
        answer = plain(answer)
        self.verdict, self.hint = grade(run, number, answer)
        self.text = textwrap.fill(line(number, self.verdict, self.hint), width=100, subsequent_indent="  ")
        self.record = {"question": number, "answer": answer, "samples": str(run.path)}

    def _repr_mimebundle_(self, **_):
        return {"text/plain": self.text, ANSWER: self.record}


def line(number, verdict, hint):
    """One verdict as a line of text."""
    words = {"right": "right", "wrong": "not right yet", "missing": "open"}[verdict]
    return f"{number} {QUESTIONS[number].name}: {words}" + (f". {hint}" if hint else "")


def checker(run):
    """The function `check` of a notebook."""

    def check(number, answer):
        if number not in QUESTIONS:
            raise ValueError(f"there is no question {number!r}; there are: {', '.join(map(str, QUESTIONS))}")
        return Verdict(run, number, answer)

    return check


def records(path):
    """The answers in the outputs of a saved notebook, by question; of two to one question, the lower in the notebook."""
    notebook = read_json(path)
    try:
        outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
        found = [output["data"][ANSWER] for output in outputs if ANSWER in output.get("data", {})]
        return {record["question"]: {key: record[key] for key in ("answer", "samples")} for record in found}
    except (AttributeError, KeyError, TypeError):
        raise Unreadable(f"reading {path}: this is not a notebook of this lab; give the .ipynb file that you saved") from None


def run_of(path, found, samples):
    """The run that the answers are about: what was named, else what the notebook says, seen from its folder."""
    if samples:
        return Run.load(samples)
    if not found:
        raise Unreadable(f"grading {path}: no answer is saved in it; run its cells, save it, and grade it again")
    return Run.load(Path(path).parent / next(iter(found.values()))["samples"])


def main(words=None):
    parser = argparse.ArgumentParser(
        description="Grades a saved notebook of lab 1 by the run that it measured.",
        epilog="Example: check.py 01-first-comparison.ipynb --samples ../reports/latest-lab",
    )
    parser.add_argument("notebook", help="the notebook, run and saved")
    parser.add_argument("--samples", metavar="FILE|DIR", help="the samples.json, or the report's folder; else as the notebook says")
    parser.add_argument("--json", action="store_true", help="prints the verdicts as JSON")
    given = parser.parse_args(words)
    try:
        found = records(given.notebook)
        run = run_of(given.notebook, found, given.samples)
    except Unreadable as error:
        print(f"check.py: {error}", file=sys.stderr)
        return 2
    verdicts = {number: grade(run, number, found.get(number, {}).get("answer")) for number in QUESTIONS}
    right = sum(verdict == "right" for verdict, _ in verdicts.values())
    if given.json:
        answers = [{"question": number, "name": QUESTIONS[number].name, "verdict": verdict, "hint": hint}
                   for number, (verdict, hint) in verdicts.items()]  # fmt: skip
        print(json.dumps({"right": right, "of": len(QUESTIONS), "samples": str(run.path), "answers": answers}, indent=2))
    else:
        for number, (verdict, hint) in verdicts.items():
            print(line(number, verdict, hint))
        print(f"{right} of {len(QUESTIONS)} right, by {run.path}")
    return 0 if right == len(QUESTIONS) else 1


if __name__ == "__main__":
    sys.exit(main())
