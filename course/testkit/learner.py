"""Somebody who learns with the course: types its commands, and writes in a folder my/ of their own."""

import json
import os
import subprocess
import sys

from .. import steps
from ..catalogue import ROOT, lessons
from ..diff import files

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
        app = steps.state(lesson, step)
        for name in files(self.copy(number)).keys() - app.keys():
            (self.copy(number) / name).unlink()
        steps.write(app, self.copy(number))

    def copy(self, number):
        return self.my / LESSONS[number].name

    def changes(self, number, name, old, new):
        path = self.copy(number) / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} should have this once: {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")
