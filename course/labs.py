"""The mistakes everybody makes: each lab is one file with the mistake and its cure, side by side.

A lab is a module `labs/NAME.py` in a lesson. Its docstring has a title and the lines Mistake, Symptom and Cure.
`broken()` and `cured()` each give a Flask app, or a command (a list of words, with {port} where the port belongs).
`symptom(server)` looks at it from outside, as a client would, and returns whether the mistake shows, and what it saw
in a sentence. `server.url` is where it runs, `server.page_origin` the origin from which the lesson's page would ask.
"""

import ast
import contextlib
import importlib
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import services
from .catalogue import ROOT, Lesson
from .processes import Process, free_port


@dataclass
class Lab:
    """One mistake: its lesson, its name, and what its docstring says of it."""

    lesson: Lesson
    name: str
    title: str
    mistake: str
    symptom: str
    cure: str

    @property
    def path(self):
        return self.lesson.folder / "labs" / f"{self.name}.py"

    @property
    def module(self):
        return f"{self.lesson.package}.labs.{self.name}"


@dataclass
class Server:
    """What a symptom may look at."""

    url: str
    page_origin: str
    process: Process


def labs(lesson):
    """The labs of a lesson, by name."""
    return {path.stem: read(lesson, path) for path in sorted((lesson.folder / "labs").glob("*.py"))}


def read(lesson, path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    parts = {}
    for name in ("Mistake", "Symptom", "Cure"):
        found = re.search(rf"^{name}\s+(.+?)(?=\n\S|\Z)", text, re.M | re.S)
        parts[name.lower()] = " ".join(found[1].split()) if found else ""
    return Lab(lesson, path.stem, text.partition("\n")[0].rstrip("."), **parts)


def observe(lab, variant, wire=None):
    """Serve the lab's `broken` or `cured` variant and return what its symptom saw: (shows, sentence).

    A `wire` stands between its parts: see wire/.
    """
    with serve(lab, variant, wire) as server:
        return importlib.import_module(lab.module).symptom(server)


@contextlib.contextmanager
def serve(lab, variant, wire=None):
    """The variant as a process of its own, with a database and, where the lesson needs one, a Redis of its own."""
    port, page_origin = free_port(), f"http://localhost:{free_port()}"
    with contextlib.ExitStack() as parts:
        folder = parts.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        env = {
            "PYTHONPATH": str(ROOT),
            "FLASK_API_URL": f"http://localhost:{port}",
            "FLASK_PAGE_ORIGIN": page_origin,
            "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{Path(folder, 'lab.db').as_posix()}",
            "FLASK_SECRET_KEY": "only for this lab",
        }
        if lab.lesson.needs_redis:
            url = parts.enter_context(services.redis())
            env["FLASK_REDIS_URL"] = wire.redis(url, "API") if wire else url
        own = free_port() if wire else port
        command = [sys.executable, "-m", "course.labs", lab.module, variant, str(own)]
        process = parts.enter_context(Process(*command, cwd=lab.lesson.home, env=env))
        process.wait_until_it_answers(own, f"The lab {lab.name} ({variant})")
        if wire:
            wire.api(port, own)
        yield Server(f"http://localhost:{port}", page_origin, process)


def main(module, variant, port):
    """The other side: this process becomes the variant."""
    app = getattr(importlib.import_module(module), variant)()
    if isinstance(app, list):
        command = [word.format(port=port) for word in app]
        os.execvp(command[0], command)
    if socketio := app.extensions.get("socketio"):
        socketio.run(app, port=int(port), allow_unsafe_werkzeug=True)
    app.run(port=int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
