"""Somebody who learns with the course: types its commands, and writes in a folder my/ of their own."""

import json
import os
import re
import subprocess
import sys

from .. import hints
from ..catalogue import ROOT, lessons

LESSONS = lessons()


class Learner:
    """Somebody who types commands, and has a folder my/ of her own."""

    def __init__(self, folder):
        self.my, self.env = folder, {**os.environ, "COURSE_MY": str(folder), "COLUMNS": "200"}

    def types(self, *words, code=0):
        """What the command prints."""
        command = [sys.executable, "-m", "course", *map(str, words)]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def has(self, number, step, done=0):
        """Give her a copy of a lesson as it is after so many steps, of which `check` has seen so many."""
        lesson = LESSONS[number]
        self.types("start", number)
        kept = {lesson.name: {"done": [lesson.steps[each] for each in range(1, done + 1)], "hints": {}}}
        (self.my / "progress.json").write_text(json.dumps(kept), encoding="utf-8")
        for name, lines in hints.state(lesson, step).items():
            path = self.copy(number) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def copy(self, number):
        return self.my / LESSONS[number].name

    def applies(self, diff, number):
        """Let her write what a hint's last level shows, by the command that stands there."""
        command = re.search(r"git apply .*(?= --directory)", diff)[0].split()
        done = subprocess.run(command, cwd=self.copy(number), input=diff, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def last_hint(self, number, step):
        """What the last level of a step's hints shows, after those before it."""
        for _ in hints.hints(LESSONS[number])[step]:
            said = self.types("hint", number, "--step", step)
        return said

    def changes(self, number, name, old, new):
        path = self.copy(number) / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} should have this once: {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")
