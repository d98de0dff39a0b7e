"""Serving a lesson with everything it needs: what `run`, the labs and the test kit share."""

import contextlib
import sys
from dataclasses import dataclass

from . import services
from .catalogue import Lesson
from .processes import Process, free_port


@dataclass
class Served:
    """A lesson being served: its API and its page, each a process on an origin of its own."""

    lesson: Lesson
    api_url: str
    page_url: str
    env: dict[str, str]
    api: Process
    page: Process | None


@contextlib.contextmanager
def serve(lesson, api_port=None, page_port=None, env=None, echo=None):
    """Serve a lesson while the block runs; on free ports unless told, with a private Redis if it needs one.

    `env` adds to the settings (FLASK_…); `echo(who, line)` gets what the processes print. Raises Trouble.
    """
    api_port, page_port = api_port or free_port(), page_port or free_port()
    api_url, page_url = f"http://localhost:{api_port}", f"http://localhost:{page_port}"
    env = {"FLASK_API_URL": api_url, "FLASK_PAGE_ORIGIN": page_url, **(env or {})}
    with contextlib.ExitStack() as parts:
        if lesson.needs_redis and "FLASK_REDIS_URL" not in env:
            env["FLASK_REDIS_URL"] = parts.enter_context(services.redis())
        api = parts.enter_context(start_api(lesson, env, by("api", echo)))
        page = None
        if lesson.has_page:
            command = flask_run(f"{lesson.package}:create_page", page_port)
            page = Process(*command, cwd=lesson.home, env=env, echo=by("page", echo))
            parts.enter_context(page)
            page.wait_until_it_answers(page_port, "The page")
        api.wait_until_it_answers(api_port, "The API")
        yield Served(lesson, api_url, page_url, env, api, page)


def start_api(lesson, env, echo=None):
    """The lesson's API as a process, with these settings; it may not answer yet."""
    return Process(sys.executable, "-m", lesson.package, cwd=lesson.home, env=env, echo=echo)


def flask_run(app, port):
    """The command that serves an app with Flask's own server."""
    return [sys.executable, "-m", "flask", "--app", app, "run", "--port", str(port)]


def by(who, echo):
    return (lambda line: echo(who, line)) if echo else None
