"""What a lesson adds to the one before: the app itself, without notes, labs, tests and demo unless a file is named."""

import difflib

from .catalogue import before

ASIDE = {"README.md", "bench.svg", "demo.py", "labs", "tests", "instance", "__pycache__"}


def diff(lesson, only=None, against=None):
    """The unified diff of a lesson against the one before, or against a folder; of lesson 1 alone, against nothing."""
    if against is None and lesson.number > 1:
        against = before(lesson).folder
    return unified(files(against, only) if against else {}, files(lesson.folder, only))


def unified(old, new):
    """The unified diff, as a list of lines, from some files to others: each a list of lines, by its name."""
    lines = []
    for name in sorted(old.keys() | new.keys()):
        labels = [f"a/{name}" if name in old else "/dev/null", f"b/{name}" if name in new else "/dev/null"]
        lines += difflib.unified_diff(old.get(name, []), new.get(name, []), *labels, lineterm="")
    return lines


def files(folder, only=None):
    """The lines of each text file of the app, or of the one file or folder asked for, by its path in the lesson."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        wanted = name.is_relative_to(only) if only else not ASIDE & set(name.parts)
        if wanted and path.is_file() and "__pycache__" not in name.parts:
            try:
                found[name.as_posix()] = path.read_text(encoding="utf-8").splitlines()
            except UnicodeDecodeError:
                continue  # a picture
    return found
