"""The steps of a lesson, as patches: its folder steps/ leads from the lesson before to this one.

A patch begins with `Subject: ` and the step's title, then says what it changes and why. A unified diff follows.
Patch 0, if there is one, is what a learner is given.
"""

import contextlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from merge3 import Merge3
from unidiff import PatchSet
from unidiff.errors import UnidiffParseError

from .catalogue import MY, Lesson, before
from .diff import files, unified
from .processes import Trouble

GIVEN = "Given"
HINT = re.compile(r"^<details><summary>Hint \d+</summary>\n(.*?)^</details>$", re.M | re.S)


class DoesNotFit(Trouble):
    """A patch changes lines that are not there."""


@dataclass(frozen=True)
class Step:
    """One patch: its number, its title, the words on top of it, and the diff as text."""

    number: int
    title: str
    why: str
    diff: str

    @cached_property
    def patch(self):
        return PatchSet(self.diff)

    @property
    def files(self):
        return [file.path for file in self.patch]

    @property
    def added(self):
        """How many lines of Python it adds, without empty ones."""
        return self.count(lambda line: line.is_added)

    @property
    def removed(self):
        return self.count(lambda line: line.is_removed)

    def count(self, which):
        lines = [line for file in self.patch if file.path.endswith(".py") for hunk in file for line in hunk]
        return sum(which(line) and bool(line.value.strip()) for line in lines)

    def applied(self, app):
        """The files after this step, from those before it; raises DoesNotFit."""
        app = dict(app)
        for file in self.patch:
            lines = changed(app.pop(file.path, []), file, f"Step {self.number}, “{self.title}”")
            if not file.is_removed_file:
                app[file.path] = lines
        return app

    def __str__(self):
        return f"Subject: {self.title}\n\n{self.why}\n\n{self.diff}"


def read(number, text):
    """A step from the text of its patch file; raises Trouble."""
    head, mark, diff = text.partition("\n--- ")
    found = re.fullmatch(r"Subject: (.+)\n\n(.+?)\n*", head, re.S)
    if not found or not mark:
        raise Trouble(f"Patch {number} should begin with “Subject: ” and a title, an empty line, and why it is made.")
    step = Step(number, found[1], found[2], f"--- {diff}")
    try:
        step.patch  # noqa: B018 (that it can be read is seen now)
    except UnidiffParseError as error:
        raise Trouble(f"Patch {number}, “{step.title}”, is no unified diff: {error}") from None
    return step


def steps(lesson):
    """The lesson's steps in order; the first may be number 0, what is given."""
    paths = sorted((lesson.folder / "steps").glob("*.patch"), key=number_of)
    return [read(number_of(path), path.read_text(encoding="utf-8")) for path in paths]


def number_of(path):
    return int(path.name.partition("-")[0])


def start(lesson):
    """The app before the first patch: the lesson before, with this lesson's page."""
    app = {name: lines for name, lines in files(before(lesson).folder).items() if not name.startswith("page/")}
    return app | page(lesson)


def page(lesson):
    return files(lesson.folder, "page") if (lesson.folder / "page").is_dir() else {}


def state(lesson, last=None):
    """The app after step `last`, or after all: the lines of each file, by its name. Raises DoesNotFit.

    After step 0 it is what a learner begins with.
    """
    app = start(lesson)
    for step in steps(lesson):
        if last is None or step.number <= last:
            app = step.applied(app)
    return app


def changed(lines, file, where):
    """The lines of a file after its part of a patch, which may have moved up or down; raises DoesNotFit."""
    result, done = [], 0
    for hunk in file:
        old = [line.value.rstrip("\n") for line in hunk if line.is_context or line.is_removed]
        at = place(lines, old, done, max(hunk.source_start - 1, 0))
        if at is None:
            raise DoesNotFit(f"{where}, does not fit: {file.path} reads otherwise near line {hunk.source_start}.")
        result += lines[done:at]
        result += [line.value.rstrip("\n") for line in hunk if line.is_context or line.is_added]
        done = at + len(old)
    return result + lines[done:]


def place(lines, part, start, near):
    """Where these lines stand, from `start` on and as near as may be; None if nowhere."""
    found = [at for at in range(start, len(lines) - len(part) + 1) if lines[at : at + len(part)] == part]
    return min(found, key=lambda at: abs(at - near), default=None)


def write(app, folder):
    """Write the files of an app to a folder."""
    for name, lines in app.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_page(lesson, folder):
    """Copy the lesson's page, pictures and all."""
    if (lesson.folder / "page").is_dir():
        shutil.copytree(lesson.folder / "page", folder / "page", dirs_exist_ok=True)


@contextlib.contextmanager
def made(lesson, last):
    """The lesson as it is after a step, in a folder of its own while the block runs."""
    MY.mkdir(parents=True, exist_ok=True)  # below the course, where node_modules is found
    with tempfile.TemporaryDirectory(dir=MY, prefix=".step-", ignore_cleanup_errors=True) as place:
        folder = Path(place) / "lessons" / lesson.name
        write(state(lesson, last), folder)
        write_page(lesson, folder)
        yield Lesson(folder)


def merge(step, lesson, folder):
    """Bring a step into somebody's own copy, beside what they wrote: all of it, or nothing and Trouble."""
    old, new = state(lesson, step.number - 1), state(lesson, step.number)
    own, merged = files(folder), {}
    for name in step.files:
        lines = Merge3(old.get(name, []), own.get(name, []), new.get(name, []))
        if any(group[0] == "conflict" for group in lines.merge_groups()):
            raise DoesNotFit(
                f"Step {step.number} does not fit what you wrote in {name}, so nothing was changed. "
                f"Take the app as it is after this step, and keep yours aside: "
                f"python3 -m course start {lesson.number} --from {step.number} --again"
            )
        merged[name] = list(lines.merge_lines())
    write(merged, folder)
    for name in step.files:
        if name not in new and not merged[name]:
            (folder / name).unlink(missing_ok=True)


def nudges(lesson):
    """The hints of each step that stand in the notes, by the step's number."""
    sections = re.findall(r"^## Step (\d+): (.*?)(?=^## |\Z)", lesson.notes, re.M | re.S)
    return {int(step): [text.strip() for text in HINT.findall(section)] for step, section in sections}


def save(lesson, found):
    """Replace the patches of a lesson by these steps, and its app by what they leave."""
    folder = lesson.folder / "steps"
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.patch"):
        path.unlink()
    app = start(lesson)
    for step in found:
        app = step.applied(app)
        words = re.sub(r"[^a-z0-9]+", "-", step.title.lower()).strip("-")
        (folder / f"{step.number}-{words}.patch").write_text(str(step), encoding="utf-8")
    for name in files(lesson.folder).keys() - app.keys():
        (lesson.folder / name).unlink()
    write({name: lines for name, lines in app.items() if not name.startswith("page/")}, lesson.folder)


def differences(lesson):
    """A sentence about the first patch that does not fit, or the files that the last one leaves otherwise; or None."""
    try:
        left = state(lesson)
    except DoesNotFit as trouble:
        return str(trouble)
    there = files(lesson.folder)
    names = sorted(name for name in left.keys() | there.keys() if left.get(name) != there.get(name))
    return f"Its last step does not leave the folder's {', '.join(names)}." if names else None


def make(number, title, why, old, new):
    """The step that leads from some files to others; raises Trouble if there is nothing to do."""
    lines = unified(old, new)
    if not lines:
        raise Trouble(f"“{title}” changes nothing.")
    return Step(number, title, why or "…", "".join(f"{line}\n" for line in lines))
