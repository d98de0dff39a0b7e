"""Serving a lesson with everything it needs: what `run`, the labs and the test kit share."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from . import services
from .catalogue import Lesson
from .processes import Process, free_port, wait_for

LEAVING = 15  # seconds a worker may take to leave


@dataclass
class Served:
    """A lesson being served: its API and its page, each a process on an origin of its own."""

    lesson: Lesson
    api_url: str
    page_url: str
    env: dict[str, str]
    api: "Process | Fleet"
    page: Process | None
    start_page: Callable[[], Process]


@contextlib.contextmanager
def serve(
    lesson, api_port=None, page_port=None, env=None, echo=None, workers=None, page_later=False, host=None, wire=None
):
    """Serve a lesson while the block runs; on free ports unless told, with a private Redis if it needs one.

    With `workers`, so many processes are its API, behind nginx if the lesson knows how. `env` adds to the settings
    (FLASK_…); `echo(who, line)` gets what the processes print. With `page_later`, the page is not served until
    somebody calls `start_page`. With a `host`, an address of this machine, both are served
    there, and not at localhost. With a `wire`, its taps stand between all parts: see wire/. Raises Trouble.
    """
    api_port, page_port = api_port or free_port(), page_port or free_port()
    name = host or "localhost"
    api_url, page_url = f"http://{name}:{api_port}", f"http://{name}:{page_port}"
    env = {"FLASK_API_URL": api_url, "FLASK_PAGE_ORIGIN": page_url, "FLASK_HOST": host or "127.0.0.1", **(env or {})}
    with contextlib.ExitStack() as parts:
        if lesson.needs_redis and "FLASK_REDIS_URL" not in env:
            env["FLASK_REDIS_URL"] = parts.enter_context(services.redis())
        port = free_port() if wire else api_port  # where the API is, behind the tap
        if workers:
            api = Fleet(lesson, env, workers, port, echo, wire)
        else:
            api = start_api(lesson, env | behind(wire, env, port, "API"), by("api", echo))
        parts.enter_context(api)

        def start_page():
            command = [*flask_run(f"{lesson.package}:create_page", page_port), "--host", env["FLASK_HOST"]]
            return parts.enter_context(Process(*command, cwd=lesson.home, env=env, echo=by("page", echo)))

        page = start_page() if lesson.has_page and not page_later else None
        setting = "FLASK_PORT" if wire else "FLASK_API_URL"
        api.wait_until_it_answers(port, "The API", setting=setting, host="localhost" if wire else name)
        if wire:
            wire.api(api_port, port, "nginx" if workers and lesson.has_workers else "API", host=host or "127.0.0.1")
        if page:
            page.wait_until_it_answers(page_port, "The page", host=name)
        yield Served(lesson, api_url, page_url, env, api, page, start_page)


def behind(wire, env, port, who):
    """The settings of an API that a wire stands before, and behind which it finds Redis; none without a wire."""
    if wire is None:
        return {}
    redis = {"FLASK_REDIS_URL": wire.redis(env["FLASK_REDIS_URL"], who)} if "FLASK_REDIS_URL" in env else {}
    return {"FLASK_PORT": str(port), "FLASK_HOST": "127.0.0.1", **redis}


class Fleet:
    """Some workers of a lesson behind nginx, as its folder deploy/ says; they come and go while it runs.

    A lesson without that folder is served by workers side by side, each at an address of its own.
    """

    def __init__(self, lesson, env, count, port, echo=None, wire=None):
        self.lesson, self.env, self.echo, self.count, self.port = lesson, env, echo, count, port
        self.wire = wire
        self.taps, self.past = {}, {}  # the ports of the taps before each worker: for nginx, and for who goes past it
        self.workers = {}  # the processes, by port
        self.nginx, self.parts = None, contextlib.ExitStack()

    def __enter__(self):
        for _ in range(self.count):
            self.start(free_port())
        for port, worker in self.workers.items():
            worker.wait_until_it_answers(port, "A worker")
        if self.lesson.has_workers:
            host = "localhost" if self.wire else self.env.get("FLASK_HOST", "localhost")
            self.nginx = services.Nginx(self.conf(), self.port, host=host)
            self.parts.enter_context(self.nginx)
        return self

    def __exit__(self, *_):
        self.parts.close()

    def start(self, port, settings=None):
        """A worker at this port, with its own `settings` (FLASK_…); it may not answer yet, and nginx knows nothing."""
        own = {"FLASK_HOST": "127.0.0.1", "FLASK_PORT": str(port), "FLASK_PROXIES": "1"}
        if not self.lesson.has_workers:
            own = {"FLASK_API_URL": f"http://localhost:{port}"}
        if self.wire:
            self.taps[port], self.past[port] = self.wire.worker(port), self.wire.worker(port, client=None)
            own |= behind(self.wire, self.env, port, f"worker {port}")
        env = self.env | own | (settings or {})
        self.workers[port] = self.parts.enter_context(start_api(self.lesson, env, by(port, self.echo)))

    def add(self, settings=None):
        """One more worker, with its own `settings`; gives its port."""
        port = free_port()
        self.start(port, settings)
        self.workers[port].wait_until_it_answers(port, "A worker")
        self.nginx.reload(self.conf())
        return port

    def send_away(self, port):
        """Let a worker leave: nginx sends nobody new, it sends away who is there, and ends when all is answered."""
        worker = self.workers.pop(port)
        self.nginx.reload(self.conf())
        worker.popen.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.popen.wait(LEAVING)
        worker.stop()

    def conf(self, port=None, way="sticky"):
        """What deploy/nginx.conf says, for the ports that these workers have; or another of the ways it knows."""
        text = (self.lesson.folder / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        if way != "sticky":
            text = re.sub(rf"# ({way}\b)", r"\1", text.replace("    sticky ", "    # sticky "))
        ports = [self.taps.get(port, port) for port in self.workers]
        servers = "".join(f"    server 127.0.0.1:{port} max_fails=0;\n" for port in ports)
        text = text.replace("http://localhost:8105", self.env.get("FLASK_PAGE_ORIGIN", "http://localhost:8105"))
        host = "127.0.0.1" if self.wire else self.env.get("FLASK_HOST", "127.0.0.1")
        text = re.sub(r"(?:    server 127\.0\.0\.1:\d+ .*\n)+", servers, text)
        return re.sub(r"listen \d+;", f"listen {host}:{port or self.port};", text)

    @property
    def running(self):
        return bool(self.alive) and (self.nginx is None or self.nginx.process.running)

    @property
    def alive(self):
        """The ports of the workers that have not been killed."""
        return [port for port, worker in self.workers.items() if worker.running]

    @property
    def lines(self):
        return [line for worker in self.workers.values() for line in list(worker.lines)]

    def printed(self, pattern, at_least=1, within=5):
        """The lines of all workers that match, as Process.printed."""

        def matching():
            return [line for line in self.lines if re.search(pattern, line)]

        wait_for(within, lambda: len(matching()) >= at_least)
        return matching()

    def wait_until_it_answers(self, port, what, setting, host):
        pass  # it does since it began


def start_api(lesson, env, echo=None):
    """The lesson's API as a process, with these settings; it may not answer yet."""
    return Process(sys.executable, "-m", lesson.package, cwd=lesson.home, env=env, echo=echo)


def flask_run(app, port):
    """The command that serves an app with Flask's own server."""
    return [sys.executable, "-m", "flask", "--app", app, "run", "--port", str(port)]


def by(who, echo):
    return (lambda line: echo(who, line)) if echo else None
