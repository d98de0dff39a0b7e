"""A learner's own copies of the lessons, in my/, and how far they have come, in my/progress.json."""

import contextlib
import itertools
import json
import os
import shutil
import time
from pathlib import Path

from . import steps
from .catalogue import MY, ROOT, Lesson
from .processes import Trouble

SOURCES = {".py", ".html", ".js", ".css", ".conf"}


def copy_of(lesson):
    """The learner's copy of a lesson; raises Trouble if there is none yet."""
    copy, n = Lesson(MY / lesson.name), lesson.number
    if not copy.folder.exists():
        raise Trouble(f"There is no {shown(copy.folder)} yet. Begin your own lesson {n}: python3 -m course start {n}")
    if not (copy.folder / "__init__.py").is_file():
        raise Trouble(
            f"{shown(copy.folder)} has no __init__.py, so it is no app. Put it back, or begin again, and keep the rest "
            f"aside: python3 -m course start {n} --again"
        )
    return copy


def start(lesson, again=False, step=0):
    """Write the app after a step to my/; step 0: what is given. Gives the folder, and where an old copy went, or None.

    Never overwrites. The copy is made aside and then put in place, so there is never half a one.
    """
    folder, aside = MY / lesson.name, None
    if folder.exists() and not again:
        n = lesson.number
        raise Trouble(
            f"You have {shown(folder)} already, and it stays. Go on: python3 -m course check {n}   "
            f"Or begin again, and keep the old one aside: python3 -m course start {n} --again"
        )
    draft = MY / f".{lesson.name}.{os.getpid()}"
    with writing():
        try:
            steps.write(steps.state(lesson, step), draft)
            steps.write_page(lesson, draft)
            if folder.exists():
                aside = folder.rename(unused(MY / f"{lesson.name}.{now()}"))
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    if aside or step:
        note(lesson, done=[lesson.steps[k] for k in lesson.steps if k <= step], hints={})
    return folder, aside


def apply(lesson, number):
    """Write a step into the copy in my/, beside what the learner wrote; gives its files. Raises Trouble."""
    (step,) = [step for step in steps.steps(lesson) if step.number == number]
    with writing():
        steps.merge(step, lesson, copy_of(lesson).folder)
    return step.files


@contextlib.contextmanager
def writing():
    """Say it in a sentence when something cannot be written to my/."""
    try:
        yield
    except OSError as error:
        why = error.strerror or "not all was copied"
        raise Trouble(f"{shown(MY)} cannot be written: {why}. Is the disk full, or not yours to write?") from None


def shown(path):
    """A path as a person at the root of the course would type it."""
    root = next((root for root in (MY.parent, ROOT) if Path(path).is_relative_to(root)), "/")
    return Path(path).relative_to(root).as_posix()


def unused(path):
    """The path, or with -2, -3 … at its end if there is one of that name: from the same second."""
    names = itertools.chain([path], (path.with_name(f"{path.name}-{number}") for number in itertools.count(2)))
    return next(name for name in names if not name.exists())


def now():
    return time.strftime("%Y-%m-%d-%H%M%S")


def done(lesson):
    """The numbers of the steps that the last check found done; by their titles, since a course may change."""
    titles = progress(lesson)["done"]
    return [number for number, title in lesson.steps.items() if title in titles]


def next_step(lesson):
    """The first step that is not done yet; None when all are."""
    return next((number for number in lesson.steps if number not in done(lesson)), None)


def progress(lesson):
    """What is kept about a lesson: the titles of the steps `done`, and by title how many `hints` were read.

    `again` is the last step that was tested again; `passed` is what `saved_with` gives.
    """
    kept = read().get(lesson.name)
    titles, levels = (kept.get("done"), kept.get("hints")) if isinstance(kept, dict) else (None, None)
    return {
        "done": titles if isinstance(titles, list) else [],
        "hints": {t: n for t, n in levels.items() if isinstance(n, int) and n > 0} if isinstance(levels, dict) else {},
        "again": kept["again"] if isinstance(kept, dict) and isinstance(kept.get("again"), int) else 0,
        "passed": kept["passed"] if isinstance(kept, dict) and isinstance(kept.get("passed"), dict) else {},
    }


def saved_with(copy, step, passed):
    """The names of the tests of a step that have passed, and when the copy was last saved by then."""
    return {"step": step, "saved": last_saved(copy), "tests": passed}


def passed(lesson, step, copy):
    """The names of the tests of a step that passed in a check that ran out of time, if nothing was saved since."""
    kept = progress(lesson)["passed"]
    same = kept.get("step") == step and kept.get("saved") == last_saved(copy)
    return list(kept["tests"]) if same else []


def last_saved(copy):
    """When a file of the copy was last saved, and how many there are."""
    times = [path.stat().st_mtime for path in copy.folder.rglob("*") if path.suffix in SOURCES]
    return [max(times, default=0), len(times)]


def note(lesson, **changes):
    """Keep something about a lesson: `done`, or `hints`. What is kept about others stays as it is."""
    everything = {**read(), lesson.name: {**progress(lesson), **changes}}
    draft = MY / f".progress.{os.getpid()}"
    with writing():
        MY.mkdir(exist_ok=True)
        draft.write_text(json.dumps(everything, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(MY / "progress.json")


def read():
    """All that is kept. A file that says nothing is moved aside, and the progress begins again."""
    path = MY / "progress.json"
    with contextlib.suppress(FileNotFoundError):
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(kept, dict):
                return kept
        except ValueError:
            pass
        path.replace(MY / f"progress.unreadable.{now()}.{os.getpid()}.json")
    return {}
