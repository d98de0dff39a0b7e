"""What a person reads after the tests: what a failed step should show, and a table by lesson and step."""

import re
from collections import defaultdict

import pytest

from .. import catalogue

STEP = re.compile(r"lessons/(?P<lesson>\d\d_\w+)/tests/test_step(?P<step>\d+)")
OUTCOMES = ["passed", "failed", "skipped"]


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


def name(file):
    """Where a test file belongs, and what it is about, in words."""
    if step := STEP.match(file):
        lesson = catalogue.Lesson(catalogue.ROOT / "lessons" / step["lesson"])
        number = int(step["step"])
        return step["lesson"], f"step {number}: {lesson.steps.get(number, '')}"
    parts = file.split("/")
    return parts[1] if parts[0] == "lessons" else "the course", parts[-1].removeprefix("test_").removesuffix(".py")
