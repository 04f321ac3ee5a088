"""One run of isolab as the labs read it: which launches count, the spans between marks, and quantiles.

The file is `samples.json` of a report; `bench/schema/samples.schema.json` describes every field. The definitions here are
those of the report, so that a figure computed from the file agrees with the printed one to the last digit.
"""

import json
from pathlib import Path

# The version of samples.json that the labs were written for.
SCHEMA_VERSION = 2

# The stacks that run guest code: virtual machines, ours and those of other makers.
GUESTS = {
    "unikernel", "microvm", "nested", "kvm-floor", "firecracker", "cloud-hypervisor", "qemu",
    "firecracker-linux", "cloud-hypervisor-linux", "qemu-linux",
}  # fmt: skip


class Unreadable(Exception):
    """A file that a lab cannot use: which, why, and what to do about it."""


def read_json(path):
    """The JSON in the file `path`."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise Unreadable(f"reading {path}: {error.strerror}; measure first, or name another report") from None
    except ValueError as error:
        raise Unreadable(f"reading {path}: this is not JSON ({error}); measure again") from None


class Run:
    """One run: `data` is the whole of samples.json, `path` where it was read from."""

    def __init__(self, data, path):
        self.data, self.path = data, path

    @classmethod
    def load(cls, report):
        """Reads the run from a report's folder, or from a samples.json itself."""
        path = Path(report)
        path = path / "samples.json" if path.is_dir() or path.suffix != ".json" else path
        data = read_json(path)
        # The version is looked at first: what else a file of another version holds is not ours to guess.
        version = data.get("schema_version") if isinstance(data, dict) else None
        if version is None:
            raise Unreadable(f"reading {path}: this is not a samples.json of isolab; name a report's folder")
        if version != SCHEMA_VERSION:
            raise Unreadable(
                f"reading {path}: its schema version is {version}, this lab was written for version {SCHEMA_VERSION}; "
                "measure again with the isolab beside this notebook, or use the notebook beside the isolab that wrote the file"
            )
        run = cls(data, path)
        if not run.stacks:
            raise Unreadable(f"reading {path}: no launch in it counts; measure again, with `--parts startup`")
        return run

    @property
    def stacks(self):
        """The stacks of which at least one launch counts, as they were declared in the file."""
        return list(dict.fromkeys(launch["stack"] for launch in self.data["samples"] if counts(launch)))

    @property
    def unit(self):
        """What a time of this run is a time of: milliseconds, or an emulator's."""
        return "virtual ms" if self.data["host"]["clock"] == "virtual-icount" else "ms"

    def emulated(self, stack):
        """Whether KVM on this host emulated kernel code of this stack's guest: then it is no cost of a real VM."""
        return stack in GUESTS and self.data["host"]["guest_kernel"] == "emulated"

    def launches(self, stack, all_of_them=False):
        """The launches of `stack` that count; or all, warm-up and failed ones included."""
        mine = (launch for launch in self.data["samples"] if launch["stack"] == stack)
        return [launch for launch in mine if all_of_them or counts(launch)]

    def spans_ms(self, stack, to, since="spawn", all_of_them=False):
        """The milliseconds between two marks, in each launch of `stack` that has both."""
        marks = (launch["marks_ns"] for launch in self.launches(stack, all_of_them))
        return [(mark[to] - mark[since]) / 1e6 for mark in marks if to in mark and since in mark]


def counts(launch):
    """Whether a launch counts: neither declared warm-up, nor failed."""
    return not launch["warmup"] and "invalid" not in launch


def quantile(values, share):
    """The quantile at `share` (0 to 1) by Hyndman and Fan's type 7: numpy's and pandas's "linear"."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(values):
    """Half of the values lie below it."""
    return quantile(values, 0.5)


def shown(milliseconds):
    """Milliseconds as the report prints them: the digits fall as the times grow."""
    digits = 3 if milliseconds < 9.9995 else 2 if milliseconds < 99.995 else 1
    return f"{milliseconds:.{digits}f}"


def same_as_shown(value, exact):
    """Whether `value` agrees with `exact` to the digit that the report prints."""
    half = 0.5 / 10 ** len(shown(exact).partition(".")[2])
    return abs(value - exact) <= half * (1 + 1e-6)
