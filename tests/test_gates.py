"""Every step's test fails where the step is not taken, and only there."""

import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from course.catalogue import ROOT, before, lessons

pytestmark = pytest.mark.long
LESSONS = lessons()
PAIRS = [(early, late) for early in LESSONS for late in LESSONS if early < late]
QUICK = ["--no-browser", "-k", "not NodeSocket and not polling"]  # one of the four ways to be a Socket.IO client

# What somebody might do to lesson 1 (a regular expression and what to put there), and the steps that notice.
MISTAKES = {
    "no CORS at all": (r"    CORS\((.|\n)+?\n    \)\n", "", {2, 3, 4, 5}),
    "any origin": (r'\[app\.config\["PAGE_ORIGIN"\]\]', '"*"', {2}),
    "no max_age": (r"        max_age=600,\n", "", {3}),
    "no supports_credentials": (r"        supports_credentials=True,\n", "", {4}),
    "no expose_headers": (r"        expose_headers=.+\n", "", {5}),
}


def failing_steps(lesson, against, report, *options):
    """The steps of a lesson whose tests fail when they are run against another lesson or folder."""
    steps = sorted((lesson.folder / "tests").glob("test_step*.py"))
    command = [sys.executable, "-m", "pytest", "-q", "--first", "-p", "no:cacheprovider", f"--junitxml={report}"]
    run = subprocess.run(
        [*command, f"--against={against}", *options, *steps], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    print(run.stdout)  # pytest shows it with a test that fails
    assert run.returncode in {0, 1}, run.stdout + run.stderr
    cases = ElementTree.parse(report).iter("testcase")
    ran = [(step_of(case), case) for case in cases if case.find("skipped") is None]
    assert {step for step, _ in ran} == set(lesson.steps), "every step should have been tried"
    assert not [case.get("name") for _, case in ran if case.find("error") is not None], run.stdout
    return {step for step, case in ran if case.find("failure") is not None}


def step_of(case):
    return int(re.search(r"test_step(\d+)", case.get("classname"))[1])


@pytest.mark.parametrize("number", LESSONS)
def test_each_step_fails_on_the_lesson_before(number, tmp_path):
    lesson = LESSONS[number]

    failing = failing_steps(lesson, before(lesson).package, tmp_path / "report.xml", *QUICK)

    assert failing == set(lesson.steps)


@pytest.mark.parametrize(("early", "late"), PAIRS)
def test_each_step_passes_on_every_later_lesson(early, late, tmp_path, request):
    slow = request.config.getoption("--slow")
    if late != max(LESSONS) and not slow:
        pytest.skip("the newest lesson is the furthest from it; --slow tries those between too")

    behind_nginx = ["--workers=3"] if LESSONS[late].has_workers else []
    options = ["--all", *behind_nginx, *([] if slow else QUICK)]

    failing = failing_steps(LESSONS[early], LESSONS[late].package, tmp_path / "report.xml", *options)

    assert failing == set()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_noticed_by_the_step_that_teaches_it_and_no_other(mistake, tmp_path, request):
    pattern, instead, noticing = MISTAKES[mistake]
    copy = tmp_path / "copied"
    shutil.copytree(LESSONS[1].folder, copy, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    text = (copy / "__init__.py").read_text(encoding="utf-8")
    changed, count = re.subn(pattern, instead, text)
    assert count == 1, "the line to change should be there once"
    (copy / "__init__.py").write_text(changed, encoding="utf-8")

    browser = [] if request.config.getoption("--slow") else ["--no-browser"]

    assert failing_steps(LESSONS[1], copy, tmp_path / "report.xml", *browser) == noticing
