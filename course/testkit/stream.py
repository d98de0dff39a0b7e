"""An event stream as an independent client reads it: httpx-sse, which knows nothing of Flask-SSE."""

import contextlib
import json
import queue
import socket
import threading
import time
from dataclasses import dataclass

import httpx
from httpx_sse import EventSource

from ..processes import bound


@dataclass
class Seen:
    """An event as it arrived; `data` is what its JSON says."""

    id: str
    type: str
    data: dict


class EventStream:
    """Reads a stream in the background until the block ends; wait for its events with `next` and `take`."""

    def __init__(self, url, params, headers):
        self.events = queue.Queue()
        self.client = httpx.Client(timeout=5, verify=False)  # it is plain HTTP
        self.request = self.client.build_request("GET", url, params=params, headers=headers)

    def __enter__(self):
        self.response = self.client.send(self.request, stream=True)
        if self.response.status_code != 200:
            self.__exit__()
            raise AssertionError(f"{self.request.url} should be an event stream, and not {self.response.status_code}")
        self.request.extensions["timeout"]["read"] = 30  # it may be silent from now on
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):  # a socket that is only closed stays open while a thread reads from it
            self.response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self.response.close()
        self.client.close()

    def _read(self):
        try:
            for event in EventSource(self.response).iter_sse():
                if event.data:  # an id alone, or a comment, is no event
                    self.events.put(Seen(event.id, event.event, json.loads(event.data)))
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError):
            pass  # the server, or the test, has ended the stream
        self.events.put(None)

    def next(self, within=2):
        """The next event; None if the stream has ended. Fails when none comes in so many seconds."""
        return self.take(1, within)[0]

    def take(self, count, within=2):
        """The next so many events, all of them within so many seconds."""
        within = bound(within)
        end, events = time.monotonic() + within, []
        while len(events) < count:
            try:
                events.append(self.events.get(timeout=max(end - time.monotonic(), 0.01)))
            except queue.Empty:
                instead = f"{len(events)} of {count} events" if events else "no event"
                raise AssertionError(f"{instead} came within {within:.3g} s") from None
        return events

    def silent(self, seconds):
        """Whether nothing comes for so many seconds."""
        try:
            return self.events.get(timeout=seconds) is None
        except queue.Empty:
            return True
