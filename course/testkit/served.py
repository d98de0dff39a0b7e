"""The lesson under test: served by real processes, looked at from outside."""

import contextlib
import re
import secrets

import httpx
import psutil

from .. import running
from ..processes import free_port


class LessonUnderTest:
    """A lesson that is being served: where it is (`api`, `page`), who may visit, what its server's log says."""

    def __init__(self, lesson, folder, engine=None):
        self.lesson = lesson
        self.database = folder / "test.db"
        self.env = {
            "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{self.database.as_posix()}",
            "FLASK_SECRET_KEY": secrets.token_hex(),
            **({"FLASK_ASYNC_MODE": engine} if engine else {}),
        }
        self.ports = free_port(), free_port()
        self.visitors = contextlib.ExitStack()

    def __enter__(self):
        self.serving = running.serve(self.lesson, *self.ports, env=self.env)
        self.served = self.serving.__enter__()
        self.api, self.page = self.served.api_url, self.served.page_url
        return self

    def __exit__(self, *_):
        self.visitors.close()
        self.serving.__exit__(None, None, None)

    def visitor(self, origin=None, **options):
        """A browser, as far as HTTP goes: it has cookies of its own and sends an Origin, the page's unless told."""
        options = {"base_url": self.api, "headers": {"Origin": origin or self.page}, **options}
        return self.visitors.enter_context(httpx.Client(**options))

    def program(self):
        """A program such as curl: it sends no Origin, and nothing keeps it from reading the answers."""
        return self.visitors.enter_context(httpx.Client(base_url=self.api))

    def preflight(self, path, method, origin=None, headers="content-type"):
        """The question a browser asks before it sends such a request for a page."""
        asks = {
            "Origin": origin or self.page,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        }
        return httpx.options(self.api + path, headers=asks)

    def requests(self, method, path, at_least=1, within=5):
        """The log's lines of these requests, as soon as there are so many, or the seconds are over."""
        return self.served.api.printed(rf'"{method} {re.escape(path)} HTTP', at_least, within)

    @contextlib.contextmanager
    def api_stopped(self):
        """For the time of the block there is no API; then it is back at the same address, with the same database."""
        psutil.Process(self.served.api.popen.pid).children()[0].kill()
        self.served.api.popen.wait()
        yield
        self.__exit__()
        self.__enter__()
