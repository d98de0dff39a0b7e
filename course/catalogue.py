"""The lessons, as they stand in the folder lessons/: a new one needs no word here.

Its number and name are the folder's, its title, steps and first thing to try are read from its notes.
"""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
MY = Path(os.environ.get("COURSE_MY", ROOT / "my"))  # what a learner writes; the tests have one of their own
REDIS_FROM = 2  # the first lesson that needs Redis
ENGINES_FROM = 3  # the first lesson that runs on more than one engine


@dataclass(frozen=True)
class Lesson:
    """A lesson's folder: one of the course, or a copy of one somewhere else."""

    folder: Path

    @property
    def name(self):
        return self.folder.name

    @property
    def number(self):
        """1 for 01_cors; None for a copy with a name of its own."""
        digits = re.match(r"(\d+)_", self.name)
        return int(digits[1]) if digits else None

    @property
    def home(self):
        """The folder from which `python -m PACKAGE` works."""
        return ROOT if self.folder.parent == ROOT / "lessons" else self.folder.parent

    @property
    def package(self):
        return ".".join(self.folder.relative_to(self.home).parts)

    @cached_property
    def notes(self):
        path = self.folder / "README.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def title(self):
        """`# Lesson 1 · CORS: one page, two origins` without the mark."""
        heading = re.search(r"^# (.+)$", self.notes, re.M)
        return heading[1] if heading else self.name

    @property
    def steps(self):
        """The title of each step, by its number."""
        return {int(n): title for n, title in re.findall(r"^## Step (\d+): (.+)$", self.notes, re.M)}

    @property
    def try_first(self):
        line = re.search(r"^\*\*Try first\.\*\* (.+)$", self.notes, re.M)
        return line[1] if line else ""

    @property
    def has_page(self):
        return b"def create_page(" in (self.folder / "__init__.py").read_bytes()

    @property
    def needs_redis(self):
        return self.number is None or self.number >= REDIS_FROM

    @property
    def has_workers(self):
        return (self.folder / "deploy").is_dir()

    @property
    def has_engines(self):
        return self.number is None or self.number >= ENGINES_FROM


def lessons():
    """The lessons of the course, by number. The folder with number 0 is what lesson 1 starts from, and no lesson."""
    found = [Lesson(folder) for folder in sorted((ROOT / "lessons").glob("[0-9][0-9]_*")) if folder.is_dir()]
    return {lesson.number: lesson for lesson in found if lesson.number > 0}


def before(lesson):
    """The lesson that this one builds on."""
    return Lesson(next((ROOT / "lessons").glob(f"{lesson.number - 1:02}_*")))


def step_test(lesson, step):
    """The file that tests a step of a lesson."""
    return next((lesson.folder / "tests").glob(f"test_step{step}_*.py"))


def named(where):
    """The lesson called by its package (lessons.01_cors) or by its folder (my/01_cors); raises LookupError."""
    for folder in (Path(where), ROOT / where, ROOT.joinpath(*where.split("."))):
        if (folder / "__init__.py").is_file():
            return Lesson(folder.resolve())
    raise LookupError(f"There is no lesson in {where}: a lesson is a folder with an __init__.py.")
