"""What a person reads after the tests: what a failed step should show, and a table by lesson and step."""

import os
import re
import sys
import time
from collections import defaultdict

import pytest

from .. import catalogue

STEP = re.compile(r"lessons/(?P<lesson>\d\d_\w+)/tests/test_step(?P<step>\d+)")
OUTCOMES = ["passed", "failed", "skipped"]
CLEAR = "\r\x1b[K" if sys.stdout.isatty() else ""  # the line of a terminal
EVERY = 15  # seconds between two lines of progress where no terminal is


class StepReport:
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Put the step and the place in the notes above the traceback of a failed step."""
        report = yield
        step = STEP.search(item.nodeid)
        if step and report.failed:
            lesson = catalogue.Lesson(catalogue.ROOT / "lessons" / step["lesson"])
            title = lesson.steps.get(int(step["step"]), "")
            sentence = item.name.partition("[")[0].removeprefix("test_").replace("_", " ")
            report.sections.append(
                (
                    f"Step {step['step']}: {title}",
                    f"You should see: {sentence}.\nRead: lessons/{step['lesson']}/README.md, Step {step['step']}",
                )
            )
        return report

    def pytest_terminal_summary(self, terminalreporter):
        """The table: a line for each step, and one for each other file."""
        counts, seconds = defaultdict(lambda: dict.fromkeys(OUTCOMES, 0)), defaultdict(float)
        for outcome in [*OUTCOMES, "error"]:
            for report in terminalreporter.stats.get(outcome, []):
                file = report.nodeid.partition("::")[0]
                counts[file]["failed" if outcome == "error" else outcome] += 1
                seconds[file] += getattr(report, "duration", 0)
        if not counts:
            return
        from rich.console import Console
        from rich.table import Table

        table = Table("", "", *OUTCOMES, "seconds", box=None, padding=(0, 2, 0, 0))
        for file in sorted(counts):
            numbers = [str(counts[file][outcome] or "") for outcome in OUTCOMES]
            style = "red" if counts[file]["failed"] else ""
            table.add_row(*name(file), *numbers, f"{seconds[file]:.1f}", style=style)
        Console(highlight=False).print(table)


class Progress:
    """One line while the tests run: which lesson, how many tests of all, and the time left by the last run's figures.

    On a terminal the line is written over itself; elsewhere a new one comes now and then.
    """

    def __init__(self, config):
        self.config = config
        self.took = config.cache.get("course/seconds", {})  # by test, in the last run that had it
        self.seconds = defaultdict(float)  # by test, in this one
        self.left = []  # the tests that are still to come
        self.total, self.left_out, self.printed = 0, 0, time.monotonic()

    def pytest_collection_finish(self, session):
        self.begin([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        self.begin(ids)

    def begin(self, tests):
        self.left, self.total = dict.fromkeys(tests), len(tests)

    def pytest_report_teststatus(self, report):
        """The line takes the place of pytest's dots."""
        if report.failed:
            return "failed" if report.when == "call" else "error", "", ""
        return report.outcome if report.when == "call" or report.skipped else "", "", ""

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            sys.stdout.write(f"{CLEAR}FAILED {report.nodeid}\n")
        if report.when == "teardown":
            self.left.pop(report.nodeid, None)
            self.show(report.nodeid)

    def show(self, test):
        line = f"{where(test)} · {self.total - len(self.left):,} of {self.total:,} tests · {self.time_left()}"
        if sys.stdout.isatty():
            sys.stdout.write(f"{CLEAR}{line}")
        elif time.monotonic() - self.printed > EVERY or not self.left:
            self.printed = time.monotonic()
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def time_left(self):
        known = [self.took[test] for test in self.left if test in self.took]
        if not known or len(known) < len(self.left) / 2:
            return "the next run will know how long it takes" if self.left else "done"
        seconds = sum(known) / len(known) * len(self.left) / (self.config.getoption("numprocesses", None) or 1)
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        self.left_out = getattr(node, "workeroutput", {}).get("left_out", 0)  # the same in each

    def pytest_sessionfinish(self):
        sys.stdout.write(CLEAR)
        self.config.cache.set("course/seconds", self.took | self.seconds)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter):
        if self.left_out:
            rest = os.environ.get("COURSE_REST", "pytest --all")
            what = "gates, states between two steps, demos, durability, faults, other engines"
            terminalreporter.write_line(f"\nLeft out: {self.left_out:,} long tests ({what}).\nWith them: {rest}")


def where(test):
    """`lesson 3` for a test of it."""
    found = re.match(r"lessons/(\d+)_", test)
    return f"lesson {int(found[1])}" if found else "the course"


def name(file):
    """Where a test file belongs, and what it is about, in words."""
    if step := STEP.match(file):
        lesson = catalogue.Lesson(catalogue.ROOT / "lessons" / step["lesson"])
        number = int(step["step"])
        return step["lesson"], f"step {number}: {lesson.steps.get(number, '')}"
    parts = file.split("/")
    return parts[1] if parts[0] == "lessons" else "the course", parts[-1].removeprefix("test_").removesuffix(".py")
