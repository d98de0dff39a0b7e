"""A learner writes the lessons: starts, is told which step is next, gets hints, and ends with the lesson itself."""

import json
import re
import sys

import pytest

from course import steps
from course.catalogue import ROOT, lessons
from course.diff import files
from course.processes import Process, free_port

LESSONS = lessons()


@pytest.mark.long
@pytest.mark.parametrize("number", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in LESSONS if n > 1)])
def test_a_learner_takes_the_lesson_step_by_step_and_is_told_each_time_what_is_next(learner, number):
    lesson = LESSONS[number]
    learner.types("start", number)

    for step, title in lesson.steps.items():
        said = learner.checks(number)
        assert re.findall(r"✓ (\d+)\.", said) == [str(n) for n in lesson.steps if n < step], said
        assert f"→ {step}. {title}" in said and "You should see" in said and "Seen instead" in said, said
        learner.types("hint", number, "--step", step, "--apply")

    said = learner.checks(number, code=0)
    assert re.findall(r"✓ (\d+)\.", said) == [str(n) for n in lesson.steps], said
    assert f"All {len(lesson.steps)} steps are there." in said
    assert ("Well done." in said) is not ("There was no time to test again" in said), said
    assert "All steps of yours are there." in learner.types("hint", number, code=1)
    assert "does not differ from yours" in learner.types("diff", number, "--mine", code=1)
    assert learner.types().count("✓") == len(lesson.steps), "the overview should know how far she has come"


def test_start_copies_the_lesson_before_with_the_new_page_and_never_overwrites(learner):
    said = learner.types("start", 2)
    assert "02_sse is yours" in said and "python3 -m course check 2" in said
    assert files(learner.copy(2)) == steps.state(LESSONS[2], 0)
    assert not (learner.copy(2) / "tests").exists()

    (learner.copy(2) / "api.py").write_text("hers", encoding="utf-8")
    said = learner.types("start", 2, code=1)
    assert "it stays" in said and "--again" in said
    assert (learner.copy(2) / "api.py").read_text() == "hers"

    learner.types("start", 2, "--again")
    (aside,) = learner.my.glob("02_sse.*")
    assert (aside / "api.py").read_text() == "hers", "what she had should be kept"
    assert files(learner.copy(2)) == steps.state(LESSONS[2], 0)


def test_without_a_copy_each_command_says_how_to_begin(learner):
    for words in (["check", 1], ["diff", 1, "--mine"], ["run", 1, "--mine"], ["test", 1, "--mine"]):
        assert "python3 -m course start 1" in learner.types(*words, code=1), words

    learner.types("start", 1)
    (learner.copy(1) / "__init__.py").unlink()
    assert "has no __init__.py" in learner.types("run", 1, "--mine", code=1)


def test_where_nothing_can_be_written_a_sentence_says_so(learner):
    learner.my.touch()  # a file where the folder should be

    assert "my cannot be written: Not a directory." in learner.types("start", 1, code=1)


def test_hints_go_from_a_nudge_to_the_lines_one_level_a_call(learner):
    first, second, third, fourth = (learner.types("hint", 1) for _ in range(4))

    assert "Step 1: Blocked, hint 1 of 3" in first and "hint 2 of 3" in second
    assert (
        "Hint 3 of 3" in third
        and "python3 -m course hint 1 --step 1 --apply" in third
        and "+def create_page(config=None):" in third
    )
    assert fourth == third, "after the last there is no other"
    assert "no step 8" in learner.types("hint", 1, "--step", 8, code=1)


def test_progress_outlives_a_changed_course_and_a_file_that_says_nothing(learner):
    learner.my.mkdir()
    kept = learner.my / "progress.json"
    gone = {"01_cors": {"done": ["Blocked", "A step that is no more"], "hints": {}}, "09_later": {"done": ["x"]}}
    kept.write_text(json.dumps(gone), encoding="utf-8")

    assert "Step 2" in learner.types("hint", 1)
    now = json.loads(kept.read_text(encoding="utf-8"))
    assert now["09_later"] == gone["09_later"] and now["01_cors"]["done"] == gone["01_cors"]["done"]

    for broken in (
        "{",
        "[]",
        '{"01_cors": 3}',
        '{"01_cors": {"done": "all", "hints": [1]}}',
        '{"01_cors": {"hints": {"Blocked": -5}}}',
    ):
        kept.write_text(broken, encoding="utf-8")
        assert "Step 1: Blocked, hint 1" in learner.types("hint", 1), broken
    assert any(path.read_text() == "{" for path in learner.my.glob("progress.unreadable.*"))


BROKEN = {  # what somebody might write in a lesson, and what check should say of it, with file and line
    "a syntax error": (1, "__init__.py", "def about():", "def about(:", "Python cannot read this: invalid syntax"),
    "an import error": (1, "__init__.py", "import CORS\n", "import CROSS\n", "ImportError: cannot import name 'CROSS'"),
    "an app that fails": (1, "__init__.py", "max_age=600", "max_age=late", "NameError: name 'late' is not defined"),
    "an app that never starts": (
        1,
        "__init__.py",
        "app = configured(",
        "while True: pass\n    app = configured(",
        "it hangs here",
    ),
    "a handler that fails": (1, "api.py", 'vary.add("Origin")', 'vary.plus("Origin")', "AttributeError: 'HeaderSet'"),
    "a handler that hangs": (1, "api.py", 'response.vary.add("Origin")', "while True: pass", "it hangs here"),
    "a thread that fails": (
        2,
        "stream.py",
        "in self.news():",
        "in self.knews():",
        "Seen instead no answer in time GET /stream answered 200",
    ),
    "an event's handler that fails": (3, "sockets.py", 'if "key" not', "if key not", "NameError: name 'key' is not"),
    "a handler that holds up all": (
        3,
        "api.py",
        "questions, total = board.listed()",
        "while True: pass",
        "it hangs here",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("what", BROKEN)
def test_check_names_the_line_of(what, learner):
    number, name, old, new, words = BROKEN[what]
    learner.has(number, max(LESSONS[number].steps))
    learner.changes(number, name, old, new)
    path = learner.copy(number) / name
    line = path.read_text(encoding="utf-8").partition(new.partition("\n")[0])[0].count("\n") + 1

    said = re.sub(r"\s+", " ", learner.checks(number))

    assert words in said and f"{name}, line {line}" in said, said


@pytest.mark.long
def test_a_copy_can_be_run_and_compared_and_tested_before_it_has_a_page(learner):
    learner.types("start", 1)
    assert "python3 -m course check 1   your own lesson 1" in learner.types(), "the overview should say how to go on"
    ports = [f"--api-port={free_port()}", f"--page-port={free_port()}"]
    command = [sys.executable, "-m", "course", "run", "1", "--mine", "--no-browser", *ports]
    with Process(*command, cwd=ROOT, env=learner.env) as runner:
        assert runner.printed(r"Ctrl-C stops it", within=30) and runner.printed("step 1 brings it"), runner.lines

    said = learner.types("diff", 1, "--mine")
    assert said.startswith("# + is what lessons/01_cors has, - is what ") and "+def create_page" in said
    assert "failed" in learner.types("test", 1, "--mine", "--no-browser", code=1)
    said = learner.types("test", 1, "--mine", "--step", 1, "--no-browser", code=1)
    assert "step 1: Blocked" in said and "step 2" not in said
