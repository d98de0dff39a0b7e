"""`python3 -m course check N`: the step at hand first, in the words of what was really seen, and never for long."""

import ast
import re
import shutil
import sys

import pytest

from course.catalogue import ROOT, Lesson, lessons
from course.check import Judging
from course.processes import Process, free_port, is_busy, wait_for

LESSONS = lessons()
STATES = [(number, step - 1) for number, lesson in LESSONS.items() for step in lesson.steps]  # the last is the lesson
LONGEST = 20  # seconds
LONG, QUICK = pytest.mark.long, "a part of the cookie is missing"

# What somebody might have written: the lesson, the step at hand, a file, what is changed in it and what then stands
# there, and what `check` should say.
MISTAKES = {
    "a part of the cookie is missing": (
        1, 4, "config.py", '    "SESSION_COOKIE_SAMESITE": "Lax",\n', "",
        r"'SameSite=Lax' is missing in '01_cors=.+HttpOnly",
    ),
    "every origin may read": (
        1, 1, "__init__.py", r'{r"/api/*": {"origins": [app.config["PAGE_ORIGIN"]]}}', r'{r"/*": {}}',
        "the page could read the answer",
    ),
    "a script of another name": (
        1, 4, "page/index.html", 'src="board.js"', 'src="boards.js"',
        "the page was answered 404 for /boards.js",
    ),
    "a guard that refuses everything": (
        1, 3, "api.py", "if changes and request.origin not in", "if changes or request.origin not in",
        "answered 403: .+Only the board's own page may change the board",
    ),
    "the wrong type of a stream": (
        2, 1, "stream.py", 'mimetype="text/event-stream"', 'mimetype="text/html"',
        "Content-Type: 'text/html; charset=utf-8', which does not start with 'text/event-stream'",
    ),
    "the stream has no CORS": (
        2, 1, "__init__.py", 'r"/(api|stream)/*"', 'r"/api/*"',
        "blocked by CORS policy: No 'Access-Control-Allow-Origin' header",
    ),
    "an event without an empty line": (
        2, 1, "stream.py", "{time.strftime('%X')}\\n\\n", "{time.strftime('%X')}\\n",
        "no event came within ten lines.+the last that came is .+event: tick.+and no empty line after it",
    ),
    "a generator that sleeps": (
        2, 1, "stream.py", "        while True:\n", "        time.sleep(60)\n        while True:\n",
        "GET /stream was not answered",
    ),
    "another name of the event": (
        2, 2, "api.py", '"question_asked"', '"question_added"',
        r"\['question_added', .+ where \['question_asked', ",
    ),
    "a stream that yields nothing": (
        2, 3, "stream.py", "yield str(Message(", "str(Message(",
        "no event came within .+GET /stream answered 200, text/event-stream.+the last that came is 'retry: 1000",
    ),
    "the end of an export under another name": (
        2, 4, "jobs.py", 'publish(job, "job_done",', 'publish(job, "job_progress",',
        "no event came within .+the last that came is .+job_progress",
    ),
    "an export that is done at once": (
        2, 4, "jobs.py", "return self.csv is not None", "return True",
        "done: True, where False was expected",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", [QUICK, *(pytest.param(what, marks=LONG) for what in MISTAKES if what != QUICK)])
def test_it_says_what_was_seen_when_there_is(learner, what):
    number, step, name, old, new, words = MISTAKES[what]
    learner.has(number, step if number > 1 else 7, done=step - 1)
    learner.changes(number, name, old, new)

    said = re.sub(r"\s+", " ", learner.checks(number))

    assert re.search(words, said), said
    assert f"→ {step}." in said
    assert " at 0x" not in said and "Answer(" not in said and "<" not in said, "no object shows itself"
    assert learner.took < LONGEST


# What makes a copy no app at all: the lesson, what is done to it, and the sentence that says so, with the cure.
NO_APP = {
    "a module is gone": (
        1, lambda copy: (copy / "board.py").unlink(),
        "board.py is gone. It came with `start`; put it back: cp lessons/00_bare/board.py",
    ),
    "the start is gone": (
        1, lambda copy: (copy / "__main__.py").unlink(),
        "__main__.py is gone. It came with `start`; put it back: cp lessons/00_bare/__main__.py",
    ),
    "a file of the page is gone": (
        2, lambda copy: (copy / "page" / "index.html").unlink(),
        "page/index.html is gone. It came with `start`; put it back: cp lessons/02_sse/page/index.html",
    ),
    "a module that never was": (
        1, lambda copy: change(copy / "__init__.py", "from . import api, board", "from . import api, board, bored"),
        "__init__.py, line 9: my/01_cors has no bored.py, nor a name bored.",
    ),
    "no create_app": (
        1, lambda copy: change(copy / "__init__.py", "def create_app(", "def make_app("),
        "__init__.py has no create_app",
    ),
    "create_app returns nothing": (
        3, lambda copy: change(copy / "__init__.py", "    return app\n\n\ndef create_page", "\n\ndef create_page"),
        "create_app returns nothing. End it with `return app`.",
    ),
    "create_page returns nothing": (
        1, lambda copy: change(copy / "__init__.py", "    return page\n", ""),
        "create_page returns nothing. End it with `return page`.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NO_APP)
def test_what_is_no_app_is_told_before_anything_is_served(learner, what):
    number, do, words = NO_APP[what]
    learner.has(number, max(LESSONS[number].steps))
    do(learner.copy(number))

    assert words in re.sub(r"\s+", " ", learner.checks(number))


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} should have this once: {old}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_without_a_page_it_says_that_nobody_serves_one(learner):
    learner.types("start", 1)

    said = re.sub(r"\s+", " ", learner.checks(1))

    assert "there is no create_page in my/01_cors/__init__.py yet, so nobody serves the page" in said
    assert "It is served at free ports: FLASK_API_URL and FLASK_PAGE_ORIGIN tell it which." in said


@LONG
def test_a_copy_that_listens_at_another_port_hears_just_that(learner):
    learner.has(1, 7)
    port = free_port()
    change(learner.copy(1) / "__main__.py", "listening_port(app.config)", str(port))

    said = re.sub(r"\s+", " ", learner.checks(1))

    assert re.search(rf"listens at port {port}. It was told port \d+, by FLASK_API_URL", said)


@LONG
def test_before_it_says_well_done_it_starts_the_copy_without_any_setting(learner):
    learner.has(1, 7, done=6)
    change(learner.copy(1) / "config.py", '    "PAGE_ORIGIN": "http://localhost:8101",\n', "")

    said = re.sub(r"\s+", " ", learner.checks(1))

    assert "✓ 7." in said and "Well done" not in said
    assert "your app does not start by hand. Your app does not start. my/01_cors/__init__.py, line" in said
    assert "KeyError: 'PAGE_ORIGIN'" in said


@LONG
def test_a_step_that_broke_is_named_after_the_verdict_on_the_step_at_hand(learner):
    learner.has(1, 4, done=4)
    change(learner.copy(1) / "__init__.py", "        max_age=600,\n", "")

    said = learner.checks(1)
    for _ in range(4):  # there may be no time, on a busy machine
        if "passed before" not in said:
            said = learner.checks(1)

    assert re.findall(r"(?:→|Step) (\d+)", said.partition("→")[1] + said.partition("→")[2])[0] == "5"
    assert said.index("→ 5. Let it be read") < said.index(
        "Step 3 passed before, and fails now: Ask first: the preflight"
    )
    assert "None" not in said and "where '600' was expected" in said
    assert "✓ 3." not in learner.types(), "the overview should know it, too"


@LONG
@pytest.mark.slow  # it needs a machine that does nothing else
def test_a_check_that_runs_out_of_time_goes_on_where_it_stopped(learner):
    learner.has(2, 6, done=5)
    in_four_seconds = "import sys; from course import check, cli; check.SECONDS = 4; cli.main(sys.argv[1:])"

    said = ""
    for _ in range(6):
        if "✓ 6." not in said:
            said += learner.types("check", 2, code=1, program=["-c", in_four_seconds])

    assert "Step 6 is not judged yet: the time of a check is over." in said and "✓ 6. Nothing lost" in said, said


LATE = """
import sys
from pathlib import Path
from rich.console import Console
from course.catalogue import Lesson, lessons
from course.check import Report
report = Report(lessons()[1], Lesson(Path(sys.argv[1])), Console())
report.read({"found": "late", "step": 5, "passed": []})
sys.exit(report.end())
"""


def test_while_a_step_is_not_judged_it_does_not_say_that_all_are_there(learner):
    learner.has(1, 7, done=7)

    said = learner.types(learner.copy(1), program=["-c", LATE])

    assert "Step 5 is not judged yet" in said
    assert "All 7 steps are there" not in said


@LONG
def test_the_steps_before_are_tested_again_in_turn(learner):
    for last in (4, 2):
        learner.has(1, 4, done=4, again=last)
        said = learner.checks(1)
        if "no time for all of them" not in said:  # as on a busy machine
            assert f'"again": {last}' in (learner.my / "progress.json").read_text(), f"{last} should come last"
        shutil.rmtree(learner.copy(1))


@LONG
def test_what_takes_more_than_a_second_is_there_after_all(learner):
    learner.has(2, 1)
    change(learner.copy(2) / "stream.py", "            time.sleep(1)\n", "            time.sleep(2)\n")

    busy = is_busy()  # then what fails is tested with more time before it is told
    said = learner.checks(2)

    at_first = "→ 1." in said and "With more than a second for each answer, step 1 passes." in said
    assert at_first or ("✓ 1." in said and (busy or is_busy())), said
    assert "✓ 1." in learner.types()


@LONG
@pytest.mark.parametrize(("number", "step"), STATES, ids=str)
def test_each_state_between_two_steps_has_its_steps_and_no_more(learner, number, step):
    learner.has(number, step, done=max(step - 1, 0))
    copy = Lesson(learner.copy(number))

    with Judging(LESSONS[number], copy, "prove", seconds=300, env=learner.env) as judging:
        findings = list(judging.findings())

    found = {finding["step"]: finding["found"] for finding in findings if "step" in finding}
    assert found == {**({step: "passed"} if step else {}), step + 1: "failed"}, findings


@pytest.mark.long
def test_while_a_step_makes_somebody_wait_it_says_how_many_tests_pass(learner):
    learner.has(2, 5, done=4)

    said = learner.types("check", 2, code=None)

    assert re.search(r"✓ 4\. .+\n  … 5\. How it ended: \d of 3 tests pass so far\n", said), said


@pytest.mark.long
def test_watch_judges_again_when_a_file_is_saved(learner):
    learner.has(1, 2, done=2)
    command = [sys.executable, "-m", "course", "check", "1", "--watch"]
    with Process(*command, cwd=ROOT, env=learner.env) as watch:
        assert watch.printed("→ 3. Ask first", within=30), watch.lines
        learner.changes(1, "api.py", "import csv", "import csv, ")
        assert watch.printed("Python cannot read this", within=10), watch.lines
        learner.changes(1, "api.py", "import csv, ", "import csv")
        learner.types("hint", 1, "--step", 3, "--apply")
        assert watch.printed("→ 4. Who are you", within=20), watch.lines
        assert watch.printed("✓ 3. Ask first"), watch.lines

        learner.types("start", 1, "--again")
        api = learner.copy(1) / "api.py"
        assert wait_for(30, lambda: api.write_text("import csv, ") and len(watch.printed("cannot read", 2)) >= 2)


@LONG
def test_watch_goes_on_when_the_copy_hung(learner):
    learner.has(1, 4, done=3)
    change(learner.copy(1) / "api.py", 'response.vary.add("Origin")', "while True: pass")
    command = [sys.executable, "-m", "course", "check", "1", "--watch"]
    with Process(*command, cwd=ROOT, env=learner.env) as watch:
        assert watch.printed("it hangs here", within=30), watch.lines
        change(learner.copy(1) / "api.py", "while True: pass", 'response.vary.add("Origin")')
        assert watch.printed("→ 5. Let it be read", within=30), watch.lines


def test_an_assertion_of_a_step_holds_one_claim_so_that_it_can_be_told():
    several = [
        f"{file.relative_to(ROOT)}, line {node.lineno}"
        for file in ROOT.glob("lessons/*/tests/test_step*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.BoolOp)
    ]

    assert not several, "write an assertion for each"


def test_no_script_in_a_browser_may_take_for_ever():
    texts = {file.name: file.read_text(encoding="utf-8") for file in ROOT.glob("lessons/*/tests/*.py")}

    assert not [name for name, text in texts.items() if re.search(r"\.evaluate\(\s*[A-Z]{2,}", text)], (
        "window.does is bounded"
    )
