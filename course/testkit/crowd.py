"""People who do their work in the background while things break: readers who count, and writers who try again."""

import contextlib
import random
import threading

import httpx
from socketio.exceptions import SocketIOError

TROUBLE = (SocketIOError, httpx.HTTPError, AssertionError)  # the server is away, or an answer is


class Person:
    """Somebody who does her work in the background, until it is done or she is told to stop."""

    def __init__(self, lesson, transport, visitor=None):
        self.lesson, self.transport, self.visitor, self.stop = lesson, transport, visitor, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.stop.is_set():
            with contextlib.suppress(*TROUBLE):
                self.stay()
            self.stop.wait(0.1)


class Reader(Person):
    """Counts what she hears, asks for what she missed, and comes back with the last number she has."""

    def __init__(self, lesson, transport, last, visitor=None):
        super().__init__(lesson, transport, visitor)
        self.last, self.seen = last, []

    def stay(self):
        auth = {"after": self.last}
        with self.lesson.socket(transport=self.transport, auth=auth, visitor=self.visitor) as socket:
            patience = random.uniform(1.5, 4)  # then the Wi-Fi goes
            while not self.stop.is_set() and random.random() > 0.01:
                event = socket.next("question_asked", "pulse", within=patience)
                if event.type == "question_asked":
                    self.hear(event.data["seq"])
                if event.data["seq"] > self.last:
                    for missed in socket.call("catch_up", {"after": self.last})["events"]:
                        self.hear(missed["data"]["seq"])

    def hear(self, seq):
        if seq == self.last + 1:
            self.seen.append(seq)
            self.last = seq


class StreamReader(Reader):
    """The same by an event stream: the browser's EventSource would count and come back by itself."""

    def stay(self):
        with self.lesson.stream(last_event_id=self.last, visitor=self.visitor) as stream:
            while not self.stop.is_set():
                event = stream.next(within=4)
                if event is None:
                    return
                self.hear(int(event.id))


class Writer(Person):
    """Asks one question after the other; what was not answered is asked again, with the same key."""

    def __init__(self, lesson, transport, texts, visitor=None):
        super().__init__(lesson, transport, visitor)
        self.texts, self.asked = texts, []

    def stay(self):
        with self.lesson.socket(transport=self.transport, visitor=self.visitor) as socket:
            while len(self.asked) < len(self.texts):
                text = self.texts[len(self.asked)]
                assert socket.call("ask", {"text": text, "key": text}, within=2)["ok"]
                self.asked.append(text)
                if self.stop.wait(0.05) or random.random() < 0.05:
                    return  # her Wi-Fi goes, too
        self.stop.set()
