"""Which step of a lesson comes next in a learner's copy, as a person reads it; judge.py finds it out.

The step at hand is judged first, and the steps before it are proved again once its verdict is on the screen.
"""

import contextlib
import json
import os
import queue
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from . import mine, services
from .blame import why_not_started
from .catalogue import ROOT, lessons
from .mine import shown
from .processes import Process, Trouble, answers, free_port, is_busy, wait_for
from .running import flask_run

LONGEST = 20  # seconds that a check takes at most, whatever the copy does
SECONDS = 18  # of these, that it is judged; on a busy machine to begin and to end takes longer, and two less are left


def check(lesson, copy, out):
    """Judge a copy once, and print what is found; returns whether all its steps are there. Raises Trouble."""
    report = Report(lesson, copy, out)
    with Judging(lesson, copy, "check", seconds=SECONDS - 2 if is_busy() else SECONDS) as judging:
        report.begin()
        for finding in judging.findings():
            report.read(finding)
            if finding["found"] == "end":
                break
    return report.end()


def watch(lesson, copy, out):
    """Judge the step at hand now and each time a file is saved, until Ctrl-C; after each verdict, those before it."""
    mode = "watch"
    while True:
        with Judging(lesson, copy, mode) as judging, contextlib.ExitStack() as others:
            for finding in judging.findings():
                if finding["found"] == "begin":
                    others.close()
                    report = Report(lesson, copy, out, watching=True)
                    report.begin()
                elif finding["found"] == "end":
                    report.end()
                    out.print("\n[dim]Waiting until you save; Ctrl-C ends it.[/]\n")
                    if (mine.next_step(lesson) or 1) > 1:
                        others.enter_context(Judging(lesson, copy, "again", report.read))
                else:
                    report.read(finding)
        mode = "wait"  # the copy hung, so that the process had to end; another one goes on


class Judging:
    """A process that judges a copy, for the time of a block, and what it finds."""

    def __init__(self, lesson, copy, mode, hear=None, seconds=SECONDS, env=None):
        self.found, self.seconds, self.env = queue.Queue(), seconds, env or {}
        self.hear = hear or self.found.put
        self.command = [sys.executable, "-m", "course.judge", str(lesson.number), str(copy.folder), mode, str(seconds)]

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # for all that it makes
        os.chmod(self.folder.name, 0o711)  # started by root, some servers are nobody, and have folders in this one
        env = {**self.env, "TMPDIR": self.folder.name}
        self.process = Process(*self.command, cwd=ROOT, env=env, echo=self.read)
        return self

    def __exit__(self, *_):
        self.process.stop()
        self.folder.cleanup()

    def read(self, line):
        with contextlib.suppress(ValueError):  # whatever else it prints is in process.lines
            self.hear(json.loads(line))

    def findings(self):
        """What it finds, one after the other, until it has ended. Raises Trouble if it breaks off."""
        until = time.monotonic() + self.seconds + 3
        while self.process.reader.is_alive() or not self.found.empty():
            with contextlib.suppress(queue.Empty):
                finding = self.found.get(timeout=0.1)
                until = None if finding["found"] == "end" else until or time.monotonic() + self.seconds + 3
                yield finding
            if until and time.monotonic() > until:
                yield {"found": "late"}
                return
        if until:
            last = "\n".join(self.process.lines[-5:])
            raise Trouble(f"The tests did not run. Please report what they said:\n{last}")


class Report:
    """What a person reads of one check, as it is found out."""

    def __init__(self, lesson, copy, out, watching=False):
        self.lesson, self.copy, self.out, self.watching = lesson, copy, out, watching
        self.at_hand = mine.next_step(lesson) or 1
        self.before = set(range(1, self.at_hand))
        self.done = set(mine.done(lesson))
        self.proved = set()  # in this check
        self.complete = True  # until something is missing
        self.since = time.monotonic()
        self.over = False  # the time
        self.unjudged = None  # the step that it was not enough for
        self.announced = False  # that the steps before are tested again
        self.said = ""  # by the app, when its step failed
        self.latest = None  # finding; one that is found when the time is over may be told twice

    def begin(self):
        out = self.out
        out.print(f"[bold]{escape(self.lesson.title)}[/]")
        out.print(f"Your copy: {escape(shown(self.copy.folder))}", soft_wrap=True)
        out.print("It is served at free ports: FLASK_API_URL and FLASK_PAGE_ORIGIN tell it which.\n")
        if not services.chromium():
            out.print("There is no browser, so what needs one is left out: python3 -m course doctor\n")
        for step in sorted(self.before):
            self.tick(step)

    def tick(self, step):
        self.out.print(f"  [green]✓[/] {step}. {escape(self.lesson.steps[step])}")

    def read(self, finding):
        """Print a finding, and keep which steps are done."""
        if finding == self.latest:
            return
        self.latest = finding
        again, step, kept = finding.get("again", False), finding.get("step"), {}
        match finding["found"]:
            case "passed":
                self.done.add(step)
                self.proved.add(step)
                kept = {"again": step} if again else {}
                if finding.get("with_time"):
                    self.complete = False
                    self.out.print(f"\nWith more than a second for each answer, step {step} passes.")
                elif not again:
                    self.tick(step)
                    self.announce(step == len(self.lesson.steps))
            case "so far":
                title = escape(self.lesson.steps[step])
                self.out.print(f"  [dim]… {step}. {title}: {finding['passed']} of {finding['of']} tests pass so far[/]")
            case "failed" if finding.get("with_time"):
                if finding["said"] != self.said:
                    self.out.print(f"\nWith more time, your app said: {escape(finding['said'])}", soft_wrap=True)
            case "failed":
                self.said = finding["said"]
                self.complete = False
                self.done.discard(step)
                title = escape(self.lesson.steps[step])
                if again:
                    self.out.print(f"\n  [bold yellow]Step {step} passed before, and fails now:[/] {title}\n")
                else:
                    self.out.print(f"  [bold yellow]→ {step}. {title}[/]\n")
                self.explain(finding)
                self.announce(not again)
            case "trouble":
                self.complete = False
                self.out.print(f"  [bold yellow]{escape(finding['text'])}[/]", soft_wrap=True)
            case "late":
                self.over, self.unjudged = True, step
                kept = {"passed": mine.saved_with(self.copy, step, finding["passed"])} if step else {}
                self.complete = not step and len(self.done) == len(self.lesson.steps)
        mine.note(self.lesson, done=[self.lesson.steps[step] for step in sorted(self.done)], **kept)

    def announce(self, now):
        """Say what comes once the verdict is on the screen: the steps before are proved once more."""
        if now and self.before and not self.watching:
            steps = "step 1" if self.at_hand == 2 else f"steps 1 to {self.at_hand - 1}"
            self.out.print(f"\nTesting {steps} again: ", end="")
            self.announced = True

    def explain(self, finding):
        words = Table.grid(padding=(0, 2))
        words.add_column(no_wrap=True)
        words.add_column(overflow="fold")
        for label, text in (
            ("You should see", finding["should"]),
            ("Seen instead", finding["seen"]),
            ("Your app said", finding["said"]),
            ("The test", finding["asked"]),
            ("Read", f"lessons/{self.lesson.name}/README.md, Step {finding['step']}"),
            ("A hint", f"python3 -m course hint {self.lesson.number}"),
        ):
            if text:
                words.add_row(f"[bold]{label}[/]", escape(text))
        self.out.print(words)

    def end(self):
        """Print what follows from it all; gives whether every step is there."""
        n, out, steps = self.lesson.number, self.out, self.lesson.steps
        unproved = [str(step) for step in sorted(set(steps) - self.proved) if step in self.done]
        if self.announced:
            unfinished = "no time for all of them. They passed before." if self.over else ""
            out.print("passed." if self.before <= self.proved else unfinished)
        if self.unjudged:
            out.print(
                f"\nStep {self.unjudged} is not judged yet: the time of a check is over. "
                f"Your code may be right. Go on with the tests that are left: python3 -m course check {n}"
            )
        if not self.complete:
            return False
        left = max(self.since + LONGEST - 1 - time.monotonic(), 1)
        started, sentence = by_hand(self.lesson, self.copy, left)
        if sentence:
            out.print(f"\n[bold yellow]All steps are there, but your app does not start by hand.[/] {escape(sentence)}")
            return False
        praise = "Not all were tested since your last change." if unproved else "Well done."
        out.print(f"\n[bold]All {len(steps)} steps are there.[/] {praise} What to type next:\n")
        out.print(f"   python3 -m course test {n} --mine   all its tests, with every kind of client")
        out.print(f"   python3 -m course diff {n} --mine   how the lesson itself does it")
        if n + 1 in lessons():
            out.print(f"   python3 -m course start {n + 1}         the next lesson")
        if unproved:
            out.print(f"\nThere was no time to test again: steps {', '.join(unproved)}. The first command does.")
        if not started:
            out.print(f"\nStarted by hand, without a setting, it had not answered after {left:.0f} s: check again.")
        return True


def by_hand(lesson, copy, seconds):
    """Start a copy as its author would, without any setting; gives whether it answers so soon, and why it never will.

    It is a copy of the copy that is started, so that no database of the learner's is touched. The API is left out
    where somebody has its usual port, most likely the learner, who runs it.
    """
    api, page = 5100 + lesson.number, free_port()
    settings = dict.fromkeys(name for name in os.environ if name.startswith("FLASK_"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, contextlib.ExitStack() as parts:
        trial = shutil.copytree(
            copy.folder, Path(folder, copy.name), ignore=shutil.ignore_patterns("instance", "__pycache__")
        )
        commands = {page: flask_run(f"{copy.name}:create_page", page)}
        if not answers(api):
            commands[api] = [sys.executable, "-m", copy.name]
        started = {
            port: parts.enter_context(Process(*command, cwd=folder, env=settings)) for port, command in commands.items()
        }
        try:
            answered = wait_for(
                seconds, lambda: not all(each.running for each in started.values()) or all(map(answers, started))
            )
            for port, process in started.items():
                if not process.running:
                    process.wait_until_it_answers(port, "The page" if port == page else "The API")
        except Trouble as trouble:
            return False, why_not_started(trouble, trial).replace(shown(trial), shown(copy.folder))
    return bool(answered), ""
