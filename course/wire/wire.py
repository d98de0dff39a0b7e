"""The wire of a lesson that is served: taps between its parts, the story that they tell, and the page that shows it."""

import contextlib
from urllib.parse import urlsplit, urlunsplit

from .server import Page
from .story import Story
from .tap import Taps


class Wire:
    """Taps for the parts of one lesson, while a block runs. `heard(message)` is called with each message.

    With a `port`, a page shows them there.
    """

    def __init__(self, port=None, heard=None):
        self.port, self.story = port, Story(heard)
        self.parts = contextlib.ExitStack()

    def __enter__(self):
        self.taps = self.parts.enter_context(Taps(self.story.reader))
        if self.port:
            self.parts.enter_context(Page(self.story, self.port))
        return self

    def __exit__(self, *_):
        self.parts.close()

    def api(self, port, target, name="API", host="127.0.0.1"):
        """Stand before the API, or nginx, at the port where browsers look for it."""
        self.taps.tap("http", (None, name), target, port, host)

    def worker(self, target, client="nginx"):
        """Stand between nginx, or browsers if it is None, and a worker; gives the port for them."""
        return self.taps.tap("http", (client, f"worker {target}"), target)

    def redis(self, url, who):
        """Stand between `who` and Redis; gives the URL for them. What is encrypted, or no TCP, stays as it is."""
        parts = urlsplit(url)
        if parts.scheme != "redis":
            return url
        port = self.taps.tap("redis", (who, "Redis"), parts.port or 6379, there=parts.hostname or "localhost")
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))
