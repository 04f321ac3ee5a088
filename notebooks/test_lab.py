"""The lab's own test: .venv/bin/python notebooks/test_lab.py (bench/test.sh runs it).

Runs lab 1 from top to bottom as a student does, measuring included, three times: as it is kept, with right answers, and with
wrong ones. Then grades what was saved, and holds the figures against those that the report prints.
"""

import contextlib
import copy
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import nbformat
from nbclient import NotebookClient

import check
from questions import QUESTIONS
from samples import Run, Unreadable, same_as_shown, shown

HERE = Path(__file__).parent
LAB = HERE / "01-first-comparison.ipynb"
# A built isolab, or the notebook's own words, which build one.
ISOLAB = [os.environ["ISOLAB"]] if "ISOLAB" in os.environ else ["cargo", "run", "--release", "--quiet", "--"]
RUNS = 100 if os.environ.get("ISOLAB_TIER") == "full" else 25

# What a student could write. The right ones are computed by pandas, the grader's by its own few lines.
RIGHT = {
    1: "counting = launches[~launches.warmup & launches.invalid.isna()]\ncounted = counting.groupby('stack').size()",
    2: "median_ms = counting.groupby('stack').begin.median()",
    3: "p95_ms = counting.groupby('stack').begin.quantile(0.95).to_dict()",
    4: """
def ecdf(values):
    return np.sort(values), np.arange(1, len(values) + 1) / len(values)
curves = {stack: ecdf(np.array(run.spans_ms(stack, "begin"))) for stack in run.stacks}""",
    5: "slow_share = counting.groupby('stack').begin.agg(lambda spans: (spans > 1.5 * spans.median()).mean())",
    6: """
changes = lambda pair: (clocks.begin[pair[0]] < clocks.begin[pair[1]]) != (clocks.reaped[pair[0]] < clocks.reaped[pair[1]])
flips = [pair for pair in combinations(clocks.index, 2) if changes(pair)]""",
    7: "longest = step_ms.stack().idxmax()",
    8: """
explanation = f'''After its end the {longest[0]} takes {step_ms.stack().max():.4g} ms until {longest[1]}: the kernel has to take apart what
the launcher had made, and frees its memory. A user has the answer by then and does not notice; the owner of the machine does.'''""",
}
WRONG = {
    1: "counting = launches\ncounted = counting.groupby('stack').size()",
    2: "median_ms = counting.groupby('stack').begin.mean() + 1",
    3: "p95_ms = launches[~launches.warmup].groupby('stack').begin.quantile(0.95) * 1e6",
    4: RIGHT[4].replace("np.arange(1, len(values) + 1)", "np.arange(len(values))"),
    5: "slow_share = counting.groupby('stack').begin.agg(lambda spans: (spans <= 1.5 * spans.median()).mean()) * 100",
    6: RIGHT[6].replace("if changes", "if not changes"),
    7: RIGHT[7].replace("idxmax", "idxmin"),
    8: "explanation = 'Virtual machines are slow.'",
}


def finished(answers, report, saved):
    """Runs the lab with `answers` in place of its dots, saves it as a student would, and returns its cells by id."""
    notebook = nbformat.read(LAB, as_version=4)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags:
            cell.source = f"report = {str(report)!r}\nruns = {RUNS}\nisolab = {ISOLAB!r}"
        for number, answer in answers.items():
            if f"answer-{number}" in tags:
                cell.source = answer
    # On a busy machine a kernel may take its time to begin.
    client = NotebookClient(notebook, timeout=None, startup_timeout=600, resources={"metadata": {"path": HERE}})
    client.execute()
    nbformat.write(notebook, saved)
    return {cell.id: cell for cell in notebook.cells}


def graded(*words):
    """What the command prints and returns."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = check.main([str(word) for word in words])
    return status, out.getvalue(), err.getvalue()


def printed_by_report(report):
    """{stack: (p50, p95)} as the table of summary.md has them, in its digits."""
    lines = (report / "summary.md").read_text().splitlines()
    rows = [line.strip(" |").split(" | ") for line in lines if line.startswith("| ")]
    p50, p95 = (next(k for k, title in enumerate(rows[0]) if name in title) for name in ("p50", "p95"))
    return {row[0]: (row[p50], row[p95]) for row in rows[1:]}


class Lab(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="isolab-lab-")))
        cls.report = cls.folder / "report"
        os.environ["IPYTHONDIR"] = str(cls.folder / "ipython")
        # As it is kept: it measures, and nothing is answered.
        cls.open_cells = finished({}, cls.report, cls.folder / "open.ipynb")
        cls.run_ = Run.load(cls.report)

    def test_as_it_is_kept_it_runs_and_every_answer_is_open(self):
        self.assertTrue((self.report / "report.html").exists(), "the lab measured by itself")
        status, out, _ = graded(self.folder / "open.ipynb")
        self.assertEqual(status, 1)
        self.assertEqual(out.count(" open. "), len(QUESTIONS), out)
        self.assertIn(f"0 of {len(QUESTIONS)} right", out)

    def test_right_answers_are_right_and_agree_with_the_report(self):
        if QUESTIONS[7].right(self.run_) is None:
            print("skipped: right answers of the lab: no container and no VM runs here; see isolab doctor")
            return
        saved = self.folder / "right.ipynb"
        cells = finished(RIGHT, self.report, saved)
        status, out, _ = graded(saved)
        self.assertEqual((status, out.count(": right")), (0, len(QUESTIONS)), out)
        self.assertTrue(any("image/png" in output.data for output in cells["draw"].outputs if "data" in output), "the chart")
        answers = {number: record["answer"] for number, record in check.records(saved).items()}
        table = [line.split() for line in cells["digits"].outputs[0].text.splitlines()[1:]]
        printed = printed_by_report(self.report)
        self.assertEqual({row[0] for row in table}, set(printed))
        for stack, p50, p95 in table:
            self.assertEqual((p50, p95), (shown(answers[2][stack]), shown(answers[3][stack])))
            for text, exact in zip(printed[stack], (answers[2][stack], answers[3][stack])):
                # Below what a mark costs, the report prints that instead of a figure.
                if text != "< probe":
                    self.assertEqual(len(text), len(shown(exact)))
                    self.assertTrue(same_as_shown(float(text), exact), f"{stack}: the report says {text}, the lab {exact}")

    def test_each_wrong_answer_is_named_and_no_hint_gives_the_right_one_away(self):
        saved = self.folder / "wrong.ipynb"
        finished(WRONG, self.report, saved)
        status, out, _ = graded(saved, "--json")
        verdicts = json.loads(out)
        self.assertEqual((status, verdicts["right"], verdicts["of"]), (1, 0, len(QUESTIONS)))
        for answer in verdicts["answers"]:
            self.assertEqual(answer["verdict"], "wrong", answer)
            self.assertGreater(len(answer["hint"]), 20)
            right = QUESTIONS[answer["question"]].right(self.run_)
            if answer["question"] in (2, 3):
                self.assertFalse([number for number in right.values() if shown(number) in answer["hint"]])

    def test_answers_to_one_run_are_wrong_for_another(self):
        other = copy.deepcopy(self.run_)
        for k, stack in enumerate(other.stacks):
            first, *rest = other.launches(stack)
            first["invalid"] = "left out"
            # Another pace for each stack, and two launches of five are slow.
            for place, launch in enumerate(rest):
                pace = (k + 2) * (1000 if place % 5 < 2 else 1)
                launch["marks_ns"] = {mark: at * pace for mark, at in launch["marks_ns"].items()}
        # The sooner to begin, the later to be gone; and that by another step than the one that takes longest now.
        begin = QUESTIONS[2].right(other)
        longest = QUESTIONS[7].right(self.run_)
        moved = ("cleaned", "reaped") if longest and longest[1] == "exited" else ("exited", "cleaned", "reaped")
        for rank, stack in enumerate(sorted(begin, key=begin.get, reverse=True)):
            for launch in other.launches(stack):
                marks = launch["marks_ns"]
                launch["marks_ns"] = {mark: at + (mark in moved) * rank * 10**13 for mark, at in marks.items()}
        for number, question in QUESTIONS.items():
            right, changed = (check.plain(question.right(run)) for run in (self.run_, other))
            if right is None:
                continue
            if number == 8:
                right, changed = (" ".join([*map(str, words), *["word"] * 20]) for words in (right, changed))
            self.assertEqual(check.grade(other, number, changed)[0], "right", question.name)
            self.assertEqual(check.grade(self.run_, number, right)[0], "right", question.name)
            self.assertEqual(check.grade(other, number, right)[0], "wrong", question.name)

    def test_hints_say_what_kind_of_mistake_it_is(self):
        run = copy.deepcopy(self.run_)
        # Of a hundred launches a number is the per cent as well.
        del run.data["samples"][-1]
        for launch in run.data["samples"]:
            # Far apart, so that no two figures agree by chance.
            launch["marks_ns"] |= {mark: (launch["order"] + 3) ** 3 * 10**6 * k for k, mark in enumerate(["begin", "ready"], 1)}
        medians, tails, shares = (QUESTIONS[number].right(run) for number in (2, 3, 5))
        spans = {stack: run.spans_ms(stack, "begin") for stack in run.stacks}
        for number, answer, hint in [
            (1, {stack: len(run.launches(stack, all_of_them=True)) for stack in run.stacks}, "all launches"),
            (2, {stack: sum(spans[stack]) / len(spans[stack]) for stack in spans}, "mean"),
            (2, {stack: value * 1e6 for stack, value in medians.items()}, "nanoseconds"),
            (2, {stack: value * 2 for stack, value in medians.items()}, "`ready`"),
            (2, list(medians.values()), "dictionary"),
            (2, {"process": medians["process"]}, "not in the answer"),
            (2, medians | {"chroot": 1.0}, "chroot"),
            (2, medians | {"process": float("nan")}, "number is expected for: process"),
            (3, medians, "medians"),
            (3, {stack: sorted(spans[stack])[math.ceil(0.95 * len(spans[stack])) - 1] for stack in spans}, "type 7"),
            (3, {stack: max(spans[stack]) for stack in spans}, "slowest"),
            (5, {stack: share * 100 for stack, share in shares.items()}, "per cent"),
            (6, [["process", "chroot"]], "chroot"),
            (6, "process", "list of pairs"),
            (7, ["process", "spawn"], "to choose from"),
        ]:
            verdict, said = check.grade(run, number, check.plain(answer))
            self.assertEqual(verdict, "wrong")
            self.assertIn(hint, said)
        self.assertEqual(check.grade(run, 3, tails)[0], "right")

    def test_files_that_cannot_be_graded_are_named_with_the_fix(self):
        old = self.folder / "old.json"
        old.write_text(json.dumps(self.run_.data | {"schema_version": 1}))
        text, other = self.folder / "text.ipynb", self.folder / "other.ipynb"
        text.write_text("not JSON")
        other.write_text('{"cells": [1]}')
        answered = self.folder / "open.ipynb"
        for words, said in [
            ((answered, "--samples", old), "schema version is 1, this lab was written for version 2; measure again"),
            ((answered, "--samples", self.folder / "none.json"), "none.json: No such file"),
            ((answered, "--samples", self.folder), "samples.json: No such file"),
            ((text,), "not JSON"),
            ((other,), "not a notebook of this lab"),
            ((LAB,), "run its cells, save it"),
        ]:
            status, out, err = graded(*words)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1), err)
            self.assertIn(said, err)


class Kept(unittest.TestCase):
    def test_the_notebook_is_kept_without_outputs(self):
        for cell in nbformat.read(LAB, as_version=4).cells:
            if cell.cell_type == "code":
                self.assertEqual((cell.outputs, cell.execution_count), ([], None), cell.id)

    def test_every_question_has_its_place_and_its_check(self):
        cells = {cell.id: cell.source for cell in nbformat.read(LAB, as_version=4).cells}
        for number, question in QUESTIONS.items():
            self.assertIn(f"{question.name} = ", cells[f"answer-{number}"])
            self.assertEqual(cells[f"check-{number}"], f"check({number}, {question.name})")

    def test_every_package_is_pinned(self):
        lines = (HERE / "requirements.txt").read_text().splitlines()
        pinned = {line for line in lines if not line.startswith("#")}
        self.assertTrue(all("==" in line for line in pinned))
        freeze = [sys.executable, "-m", "pip", "freeze", "--disable-pip-version-check"]
        installed = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout.split("\n")
        self.assertLessEqual(set(filter(None, installed)), pinned)

    def test_reports_of_the_repository_are_read_or_refused_by_their_version(self):
        for report in (HERE.parent / "reports").glob("[!l]*/samples.json"):
            try:
                run = Run.load(report)
            except Unreadable as error:
                self.assertIn("schema version", str(error))
                continue
            for stack, texts in printed_by_report(report.parent).items():
                for number, text in zip((2, 3), texts):
                    if text != "< probe":
                        self.assertTrue(same_as_shown(float(text), QUESTIONS[number].right(run)[stack]), (report, stack))


if __name__ == "__main__":
    unittest.main()
