"""What a lesson adds to the one before: the app itself, without notes, labs and tests unless a file is named."""

import difflib

from .catalogue import before

ASIDE = {"labs", "tests", "instance", "__pycache__"}


def diff(lesson, only=None):
    """The unified diff of a lesson against the one before, as a list of lines; of lesson 1, against nothing."""
    new = files(lesson.folder, only)
    old = files(before(lesson).folder, only) if lesson.number > 1 else {}
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
        wanted = name.is_relative_to(only) if only else not ASIDE & set(name.parts) and name.suffix != ".md"
        if wanted and path.is_file() and "__pycache__" not in name.parts:
            try:
                found[name.as_posix()] = path.read_text(encoding="utf-8").splitlines()
            except UnicodeDecodeError:
                continue  # a picture
    return found
