"""The steps of the lessons are patches: shown, served, taken into a copy, and edited with Git."""

import os
import shutil
import subprocess
import sys

import httpx
import pytest

from course import steps
from course.catalogue import ROOT, lessons
from course.diff import files
from course.processes import Process, free_port

LESSONS = lessons()
COURSE = [sys.executable, "-c", "from course.cli import main; main()"]  # without a set-up of its own
CUT = [1, 2, 3, 4, 5]  # the lessons whose steps are within the budgets of CONTRIBUTING.md
FIRST, MOST, FILES = 25, 60, 4  # lines of Python in the first step, in any, and how many files


@pytest.mark.parametrize("number", LESSONS)
def test_the_patches_end_as_the_lesson_byte_by_byte(number, tmp_path):
    lesson = LESSONS[number]
    found = steps.steps(lesson)

    steps.write(steps.state(lesson), tmp_path)
    for name in files(lesson.folder):
        assert (tmp_path / name).read_bytes() == (lesson.folder / name).read_bytes(), name
    assert files(tmp_path).keys() == files(lesson.folder).keys()
    assert {step.number: step.title for step in found if step.number} == lesson.steps, "as the notes name them"
    assert all(steps.nudges(lesson)[step] for step in lesson.steps), "and each has a hint at least"
    for step in found:
        assert all(len(line) <= 72 for line in step.why.splitlines()), "as a commit's message"
        assert not any(name.startswith(("page/", "tests/", "labs/", "README")) for name in step.files)


@pytest.mark.parametrize("number", CUT)
def test_no_step_is_too_large(number):
    found = [step for step in steps.steps(LESSONS[number]) if step.number]
    table = "\n".join(f"{step.number}. {step.title}: {step.added} lines, {len(step.files)} files" for step in found)

    assert found[0].added <= FIRST, table
    assert all(step.added <= MOST and len(step.files) <= FILES for step in found), table


def test_steps_are_listed_with_their_size(learner):
    said = learner.types("steps", 1)

    assert "Ask first: the preflight" in said and "+3 -" in said


def test_a_step_is_shown_with_its_words_and_the_functions_that_it_touches(learner):
    said = learner.types("diff", 1, "--step", 2)

    assert said.startswith("Step 2: Open one ")
    assert "\n+from flask_cors import CORS\n" in said
    assert "\n def create_app(config=None):\n" in said and "\n     return app\n" in said, "the whole function"
    assert "def create_page" not in said, "and no other"
    assert "no step 8; choose from 1 to 7" in learner.types("diff", 1, "--step", 8, code=1)
    assert "two different apps" in learner.types("diff", 1, "--step", 2, "--mine", code=1)


@pytest.mark.long
def test_the_app_after_a_step_is_served_and_tested(learner):
    api, page = free_port(), free_port()
    words = ["run", "1", "--step", "1", "--no-browser", f"--api-port={api}", f"--page-port={page}"]
    with Process(sys.executable, "-m", "course", *words, cwd=ROOT, env=learner.env) as runner:
        assert runner.printed("Ctrl-C stops it", within=30), runner.lines
        assert runner.printed("after step 1")
        answer = httpx.get(f"http://localhost:{api}/api/questions", headers={"Origin": f"http://localhost:{page}"})
        assert answer.status_code == 200 and "Access-Control-Allow-Origin" not in answer.headers, "step 2 allows it"

    words[1:4] = ["3", "--step", "1"]
    with Process(sys.executable, "-m", "course", *words, cwd=ROOT, env=learner.env) as runner:
        assert runner.printed("Ctrl-C stops it", within=30), runner.lines
        client = httpx.get(f"http://localhost:{api}/client/socket.io.esm.min.js")
        assert client.status_code == 200, "the browser's half of Socket.IO should be found"

    said = learner.types("test", 1, "--step", 2, "--no-browser")
    assert "step 2" in said and "step 3" not in said and "failed" not in said.partition("passed  failed")[2]


def test_a_copy_can_begin_at_any_step(learner):
    said = learner.types("start", 2, "--from", 3)

    assert "lesson 2's app after step 3" in said
    assert files(learner.copy(2)) == steps.state(LESSONS[2], 3)
    assert learner.types().count("✓") == 3
    assert "it stays" in learner.types("start", 2, "--from", 4, code=1)


def test_a_step_is_taken_beside_what_was_written(learner):
    learner.types("start", 1)
    app = learner.copy(1) / "__init__.py"
    text = app.read_text(encoding="utf-8")
    text = text.replace("def create_app(", "MINE = 1\n\n\ndef create_app(")
    app.write_bytes(text.replace("\n", "\r\n").encode())  # as Windows ends lines

    assert "Step 1 is in __init__.py" in learner.types("hint", 1, "--step", 1, "--apply")
    assert "def create_page(" in app.read_text(encoding="utf-8") and "MINE = 1" in app.read_text(encoding="utf-8")

    learner.types("start", 1, "--from", 3, "--again")
    learner.changes(1, "__init__.py", "max_age=600", "max_age=60")
    before = files(learner.copy(1))
    said = learner.types("hint", 1, "--step", 4, "--apply", code=1)
    assert "does not fit what you wrote in __init__.py, so nothing was changed" in said
    assert "python3 -m course start 1 --from 4 --again" in said
    assert files(learner.copy(1)) == before
    learner.types("start", 1, "--from", 4, "--again")
    assert files(learner.copy(1)) == steps.state(LESSONS[1], 4)


@pytest.fixture
def maintainer(tmp_path):
    """Somebody with a copy of the course of their own: `maintainer("steps", 1)` types a command there."""
    leave = shutil.ignore_patterns(".git", ".venv", "node_modules", "my", "__pycache__", "instance", "*.png")
    home = shutil.copytree(ROOT, tmp_path / "course", ignore=leave)

    def types(*words, code=0, program=COURSE, cwd=home, env=None):
        command = [*program, *map(str, words)]
        done = subprocess.run(
            command, cwd=cwd, env=os.environ | (env or {}), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    types.home = home
    return types


def test_a_line_of_a_step_is_changed_with_git_and_saved(maintainer, tmp_path):
    repo, lesson = tmp_path / "history", maintainer.home / "lessons/01_cors"

    def git(*words, env=None):
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@localhost"]
        return maintainer(*words, program=["git", "-C", repo, *who], cwd=tmp_path, env=env)

    maintainer("steps", 1, "--repo", repo)
    titles = git("log", "--format=%s", "--reverse").splitlines()
    assert titles == ["The app that lesson 1 starts from", *LESSONS[1].steps.values()]
    assert git("tag").split() == ["start", *(f"step-{step}" for step in LESSONS[1].steps)]
    assert "is not empty" in maintainer("steps", 1, "--repo", repo, code=1)
    maintainer("steps", 1, "--repo", repo, "--save")
    for path in (LESSONS[1].folder / "steps").iterdir():
        assert (lesson / "steps" / path.name).read_bytes() == path.read_bytes(), "nothing was changed, nothing changes"

    edits = "sed -i '1s/pick/edit/'"  # the first of those that follow step 1 is step 2
    git("rebase", "-i", "step-1", env={"GIT_SEQUENCE_EDITOR": edits})
    api = repo / "api.py"
    api.write_text(api.read_text().replace('vary.add("Origin")', 'vary.update(["Origin"])'))
    assert "not committed" in maintainer("steps", 1, "--repo", repo, "--save", code=1)
    git("commit", "-qa", "--amend", "--no-edit")
    git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    said = maintainer("steps", 1, "--repo", repo, "--save")

    changed = [
        path.name for path in sorted((lesson / "steps").iterdir()) if 'vary.update(["Origin"])' in path.read_text()
    ]
    assert changed[0].startswith("2-") and 'vary.update(["Origin"])' in (lesson / "api.py").read_text()
    assert "Lesson 2 differs now" in said and "api.py" in said
    assert "Lesson 3" not in said, "which builds on lesson 2 as it stands"


def test_what_is_no_history_of_the_lesson_is_refused_in_a_sentence(maintainer, tmp_path):
    assert "is not a Git repository" in maintainer("steps", 1, "--repo", tmp_path, "--save", code=1)
    assert "From which repository?" in maintainer("steps", 1, "--save", code=1)

    patch = next((maintainer.home / "lessons/01_cors/steps").glob("2-*.patch"))
    whole = patch.read_text()
    patch.write_text(whole.replace("Subject:", "Title:"))
    assert "should begin with “Subject: ”" in maintainer("steps", 1, code=1)
    patch.write_text(whole.replace(" from flask import Flask\n", " from flask import Elsewhere\n"))
    assert "Step 2" in maintainer("start", 1, "--from", 2, code=1, env={"COURSE_MY": str(tmp_path / "my")})
