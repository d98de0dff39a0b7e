"""Tests the steps of a lesson in a learner's copy, the step at hand first; `check` prints what it finds.

`python -m course.judge N COPY MODE SECONDS` says each finding in a line of JSON, and gives up after so many seconds.
MODE is `watch` (the step at hand and on, and again each time a file is saved), `wait` (the same, from the first save
on), `again` (what failed, with more time, and the steps before it), `check` (the first, then that), or `prove` (the
step at hand and on, with all the time that the tests give).
"""

import contextlib
import functools
import json
import os
import re
import sys
import threading
import time
from pathlib import Path

from . import mine, processes
from .blame import must_be_whole
from .catalogue import Lesson, lessons, step_test
from .parts import Parts
from .processes import Trouble, is_busy
from .served import LessonUnderTest

OUT = open(os.dup(1), "w", buffering=1, encoding="utf-8")  # noqa: SIM115 (pytest takes standard output for itself)
SOON = 1.3  # seconds after which somebody who waits is told how many tests pass so far
ENOUGH = 11  # seconds after which no other step is proved once more


class Judge:
    """Judges a copy of a lesson, once or many times; what the tests need besides the copy stays."""

    def __init__(self, lesson, copy):
        self.lesson, self.copy, self.parts = lesson, copy, Parts()
        self.judged_with_time = False  # what failed, without hurry

    @functools.cached_property
    def tester(self):
        from .tester import Tester  # it brings pytest, which comes while the app starts

        return Tester(self.lesson, self.copy, self.parts)

    def judge(self, mode, seconds):
        """Judge the copy as it is now. Each finding is told."""
        tell("begin")
        self.since = time.monotonic()
        clock = after(seconds, self.give_up)
        try:
            must_be_whole(self.lesson, self.copy)
            at_hand = missing = mine.next_step(self.lesson) or 1
            self.begin_to_serve(at_hand)
            if mode != "again":
                self.tester.passed = mine.passed(self.lesson, at_hand, self.copy)
                missing = self.go_on_from(at_hand, hurry=mode != "prove")
                self.tester.verdict = True
            if mode in {"check", "again"}:
                self.once_more(missing, at_hand)
        except Trouble as trouble:
            tell("trouble", text=str(trouble))
        clock.cancel()
        tell("end")
        self.parts.let_go("lesson", "fleet")

    def begin_to_serve(self, step):
        """Start what the tests of this step will ask for first."""
        asks = step_test(self.lesson, step).read_text(encoding="utf-8")
        name, workers = ("lesson", None) if re.search(r"\(lesson\b", asks) else ("fleet", 2)

        @contextlib.contextmanager
        def serve(folder):
            served = LessonUnderTest(self.copy, folder, workers=workers)
            served.env["FLASK_EXPORT_SECONDS"] = "0.3"
            with served:
                served.begin_page()  # while the first tests run
                yield served

        self.parts.begin(name, serve)

    def go_on_from(self, step, hurry):
        """Test the steps from this one on; gives the first that is missing, or None."""
        self.tester.verdict, processes.HURRY = False, hurry
        after(SOON - (time.monotonic() - self.since), self.tell_so_far)
        for each in range(step, max(self.lesson.steps) + 1):
            found = self.tester.test(each)
            unclear = found["found"] == "failed" and not found["said"]  # it may only have been too slow
            self.judged_with_time = unclear and hurry and is_busy()
            if self.judged_with_time:
                processes.HURRY = False
                found = self.tester.test(each)
                processes.HURRY = hurry
            tell(**found)
            if found["found"] != "passed":
                return each

    def tell_so_far(self):
        """Say how far the tests are, for to wait for what a step promises may take longer than somebody likes to."""
        if self.tester.finding or self.tester.verdict:
            return
        if self.tester.passed and self.tester.total:
            tell("so far", step=self.tester.step, passed=len(self.tester.passed), of=self.tester.total)
        else:
            after(0.3, self.tell_so_far)

    def once_more(self, missing, at_hand):
        """Test what is missing again, without hurry, and then the steps before the one at hand."""
        self.tester.verdict, processes.HURRY = True, False
        if missing and not self.judged_with_time:
            found = self.tester.test(missing)
            if found["found"] == "passed" or found["said"]:
                tell(**found, with_time=True)
        last = mine.progress(self.lesson)["again"]
        for step in sorted(range(1, at_hand), key=lambda step: (step <= last, step)):  # where the last check stopped
            if time.monotonic() - self.since > ENOUGH:
                tell("late")
                return
            self.tester.passed = []
            tell(**self.tester.test(step), again=True)

    def give_up(self):
        """End this process, whatever it does: what it has started ends with it (see guard.py)."""
        tell(**self.tester.late())
        tell("end")
        os._exit(0)


def after(seconds, call):
    """Call something in so many seconds, in a thread that keeps nobody from ending; gives its timer."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    return timer


def tell(found, **more):
    OUT.write(json.dumps({"found": found, **more}) + "\n")


def saves(copy):
    """Yields each time a file of the copy is saved, from now on."""
    from watchfiles import watch

    def is_source(change, path):
        return Path(path).is_relative_to(copy.folder) and Path(path).suffix in mine.SOURCES

    # All of my/, for the copy itself may be another one after `start --again`.
    saved = watch(copy.folder.parent, watch_filter=is_source, rust_timeout=500, yield_on_timeout=True, step=20)
    next(saved)
    return filter(None, saved)


def main(number, folder, mode, seconds):
    if mode != "prove":
        # Seconds for an app to start, and for a browser to do what it is told.
        processes.PATIENCE = 16 if is_busy() else 8
    one = Judge(lessons()[int(number)], Lesson(Path(folder)))
    saved = saves(one.copy) if mode in {"watch", "wait"} else ()
    if mode != "wait":
        one.judge(mode, float(seconds))
    for _ in saved:
        one.judge(mode, float(seconds))
    one.parts.let_go("chromium")


if __name__ == "__main__":
    main(*sys.argv[1:])
