"""The hints in the notes of a lesson, from a nudge to the lines themselves, and with them the lesson's diff in steps.

The last hint of a step says which changed lines belong to it. It quotes them, in a block of the language diff under
a line that begins "In `api.py`"; or it takes what no step quotes: a line that begins "All of" (or "Most of") and
names files or folders. So every line of the diff belongs to one step, and `state` gives the app after any of them.
"""

import difflib
import re
from dataclasses import dataclass

from .catalogue import before
from .diff import files

HINT = re.compile(r"^<details><summary>Hint \d+.*?</summary>\n(.*?)^</details>$", re.M | re.S)
QUOTED = re.compile(r"^In `([^`]+)`[^\n]*\n\n```diff\n(.*?)^```$", re.M | re.S)
TAKEN = re.compile(r"^(?:All|Most) of (`[^:\n]+)", re.M)


@dataclass
class Line:
    """A line of the diff: its sign (" ", "+" or "-") and, if that is not " ", the step that changes it."""

    sign: str
    text: str
    step: int | None = None


def hints(lesson):
    """The texts of each step's hints, from the nudge to the lines, by the step's number."""
    sections = re.findall(r"^## Step (\d+): (.*?)(?=^## |\Z)", lesson.notes, re.M | re.S)
    return {int(step): [text.strip() for text in HINT.findall(section)] for step, section in sections}


def state(lesson, step):
    """The app as a learner has it after so many steps: the lines of each file, by its name. 0: as it starts.

    It starts as the lesson before, with the new lesson's page.
    """
    found = files(lesson.folder, "page") if (lesson.folder / "page").is_dir() else {}
    for name, lines in changes(lesson).items():
        kept = [line.text for line in lines if line.sign == " " or (line.sign == "+") == (line.step <= step)]
        if kept:
            found[name] = kept
    return found


def changes(lesson):
    """The lesson's diff, without the page: the lines of each file, by its name, each with its step.

    Raises LookupError when a hint quotes what is not in the diff, or a changed line belongs to no step.
    """
    found, last_hints = merged(lesson), {n: texts[-1] for n, texts in hints(lesson).items() if texts}
    for step, text in last_hints.items():
        if len(QUOTED.findall(text)) < text.count("```diff"):
            raise LookupError(f"step {step}: a block of diff stands without the line before it, In `its file`")
        for name, block in QUOTED.findall(text):
            claim(found.get(name, []), block.splitlines(), step, f"step {step}, `{name}`")
    for step, text in last_hints.items():
        for place in re.findall(r"`([^`]+)`", "".join(TAKEN.findall(text))):
            wanted = [name for name in found if name == place or name.startswith(f"{place}/")]
            lines = [line for name in wanted for line in found[name] if line.sign != " " and line.step is None]
            if not lines:
                raise LookupError(f"step {step}: nothing of `{place}` is left")
            for line in lines:
                line.step = step
    for name, lines in found.items():
        for line in lines:
            if line.sign != " " and line.step is None:
                raise LookupError(f"`{name}`: no step has the line {line.sign}{line.text}")
    return found


def merged(lesson):
    """Both versions of each file of the app in one list of lines, as a diff with all its context."""
    old, new = files(before(lesson).folder), files(lesson.folder)
    found = {}
    for name in sorted(old.keys() | new.keys()):
        if not name.startswith("page/"):
            a, b = old.get(name, []), new.get(name, [])
            found[name] = lines = []
            for what, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
                lines += [Line("-", text) for text in a[i:j] if what != "equal"]
                lines += [Line(" " if what == "equal" else "+", text) for text in b[k:m]]
    return found


def claim(lines, block, step, where):
    """Let the lines that a block quotes be this step's; a line … stands for any others between."""
    start = 0
    for part in re.split(r"^[ +-]? *…\n", "".join(f"{line}\n" for line in block), flags=re.M):
        quoted = [(line[:1] or " ", line[1:]) for line in part.splitlines()]
        start = find(lines, quoted, start)
        if start is None:
            raise LookupError(f"{where}: the diff does not have, in this order:\n{part}")
        for line in lines[start : start + len(quoted)]:
            line.step = line.step if line.sign == " " else step
        start += len(quoted)


def find(lines, quoted, start):
    """Where the quoted lines stand, one after the other, and belong to no step yet; None if nowhere."""
    for at in range(start, len(lines) - len(quoted) + 1):
        part = lines[at : at + len(quoted)]
        if [(line.sign, line.text) for line in part] == quoted and all(line.step is None for line in part):
            return at
    return None
