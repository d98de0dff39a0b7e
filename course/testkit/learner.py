"""Somebody who learns with the course: types its commands, and writes in a folder my/ of their own."""

import json
import os
import re
import subprocess
import sys
import time

from .. import steps
from ..catalogue import ROOT, lessons
from ..diff import files

LESSONS = lessons()
NO_TIME = re.compile("is not judged yet|had not answered after")


class Learner:
    """Somebody who types commands, and has a folder my/ of her own; `took` is how many seconds the last check did."""

    def __init__(self, folder):
        self.my, self.env = folder, {**os.environ, "COURSE_MY": str(folder), "COLUMNS": "200"}

    def types(self, *words, code=0, program=("-m", "course")):
        """What the command prints; it has to end with this code, or with any if that is None."""
        command = [sys.executable, *program, *map(str, words)]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=300)
        assert code in (None, done.returncode), done.stdout + done.stderr
        self.code = done.returncode
        return done.stdout + done.stderr

    def checks(self, number, code=1):
        """What `check` prints once it has had time for all: on a busy machine it goes on the next time it is typed."""
        for _ in range(5):
            begun = time.monotonic()
            said = self.types("check", number, code=None)
            self.took = time.monotonic() - begun
            if not NO_TIME.search(said):
                break
        assert self.code == code, said
        return said

    def has(self, number, step, done=0, **kept):
        """Give her a copy of a lesson as it is after so many steps, of which `check` has seen so many."""
        lesson = LESSONS[number]
        self.types("start", number)
        kept |= {"done": [lesson.steps[each] for each in range(1, done + 1)]}
        (self.my / "progress.json").write_text(json.dumps({lesson.name: kept}), encoding="utf-8")
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
