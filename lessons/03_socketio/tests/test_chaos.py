"""Nothing lost, nothing twice, proved: Redis, the server, the readers and the writers come and go meanwhile."""

import contextlib
import random
import threading
from collections import Counter

import httpx
import pytest
from socketio.exceptions import SocketIOError

from course.processes import wait_for

WRITERS = 3
TROUBLE = (SocketIOError, httpx.HTTPError, AssertionError)  # the server is away, or an answer is


class Person:
    """Somebody who does her work in the background, until it is done or she is told to stop."""

    def __init__(self, lesson, transport):
        self.lesson, self.transport, self.stop = lesson, transport, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.stop.is_set():
            with contextlib.suppress(*TROUBLE):
                self.stay()
            self.stop.wait(0.1)


class Reader(Person):
    """Counts what she hears, asks for what she missed, and comes back with the last number she has."""

    def __init__(self, lesson, transport, last):
        super().__init__(lesson, transport)
        self.last, self.seen = last, []

    def stay(self):
        with self.lesson.socket(transport=self.transport, auth={"after": self.last}) as socket:
            patience = random.uniform(0.5, 3)  # then the Wi-Fi goes
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


class Writer(Person):
    """Asks one question after the other; what was not answered is asked again, with the same key."""

    def __init__(self, lesson, transport, texts):
        super().__init__(lesson, transport)
        self.texts, self.asked = texts, []

    def stay(self):
        with self.lesson.socket(transport=self.transport) as socket:
            while len(self.asked) < len(self.texts):
                text = self.texts[len(self.asked)]
                assert socket.call("ask", {"text": text, "key": text}, within=2)["ok"]
                self.asked.append(text)
                if random.random() < 0.05:
                    return  # her Wi-Fi goes, too
        self.stop.set()


@pytest.mark.parametrize("changes", [150, pytest.param(501, marks=pytest.mark.slow)])
def test_every_question_is_there_once_and_everybody_heard_every_number_in_order(lesson, changes):
    start = lesson.newest()
    texts = [f"{changes} {number}" for number in range(changes)]
    readers = [Reader(lesson, transport, start) for transport in ["websocket", "polling"] * 3]
    ways = ["websocket", "polling", None]
    writers = [Writer(lesson, ways[number], texts[number::WRITERS]) for number in range(WRITERS)]
    for person in readers + writers:
        person.thread.start()

    def progress():
        return sum(len(writer.asked) for writer in writers) / changes

    assert wait_for(60, lambda: progress() > 0.2)
    with lesson.redis_stopped():
        assert wait_for(60, lambda: progress() > 0.4), "writing should go on without Redis"
    with lesson.api_stopped():
        pass
    assert wait_for(60, lambda: progress() > 0.7)
    with lesson.redis_stopped(), lesson.api_stopped():
        pass
    assert wait_for(60, lambda: progress() == 1)

    asked = Counter(question["text"] for question in lesson.program().get("/api/questions").json())
    assert all(asked[text] == 1 for text in texts), "each question should be there, once"
    expected = list(range(start + 1, lesson.newest() + 1))
    assert len(expected) == changes, "and each should have its number"
    for reader in readers:
        wait_for(20, lambda r=reader: r.last == expected[-1])
        reader.stop.set()
        assert reader.seen == expected, "every number once and in order"
