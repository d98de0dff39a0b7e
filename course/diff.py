"""What a lesson adds to the one before: the app itself, without notes, labs, tests and demo unless a file is named."""

import ast
import difflib

from .catalogue import before

ASIDE = {
    "README.md",
    "bench.svg",
    "demo.py",
    "labs",
    "pictures",
    "steps",
    "tests",
    "try_it.py",
    "instance",
    "__pycache__",
}


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


def whole_functions(name, old, new):
    """What changes in a file, for people to read: with two lines around it, and the functions that it is in whole.

    `old` and `new` are the file's lines, or None where there is no such file.
    """
    lines = marked(old or [], new or [])
    changed = {at for sign, _, at in lines if sign != " "}
    shown = {at + around for at in changed for around in range(-2, 3)}
    for function in functions(new or []) if name.endswith(".py") else []:
        if changed & function:
            shown |= function
    found, gap = [f"--- {name}" if new is None else f"+++ {name}"], True
    for sign, text, at in lines:
        if sign == " " and at not in shown:
            gap = True
            continue
        if gap:
            found.append(f"@@ line {at + 1} @@")
        found.append(f"{sign}{text}")
        gap = False
    return [*found, ""]


def marked(old, new):
    """The lines of both, each with its sign (" ", "+", "-") and where in the new file it stands, from 0."""
    found = []
    for what, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what != "equal":
            found += [("-", text, k) for text in old[i:j]]
        found += [(" " if what == "equal" else "+", new[at], at) for at in range(k, m)]
    return found


def functions(lines):
    """The functions and methods in the lines of a Python file, each as the set of its lines, from 0."""
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:
        return []
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [set(range(min([node, *node.decorator_list], key=line_of).lineno - 1, node.end_lineno)) for node in nodes]


def line_of(node):
    return node.lineno


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
