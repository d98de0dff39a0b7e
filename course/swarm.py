"""A hall full of simulated learners, who ask, vote, come and go at a lesson that runs, until Ctrl-C.

Each is a visitor with a cookie of its own, keeps at most one question on the board, and comes back when it is cut off.
"""

import contextlib
import http.client
import json
import math
import queue
import random
import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rich.live import Live
from rich.text import Text

from .load import Client, Crowd
from .processes import Trouble

MOST = 40  # things that all together do in a second: all guests of one address may do 50 (GUEST_LIMIT)
THINKING = 20  # seconds between two things that one learner does, on average
AWAY = 10  # seconds that who goes stays away, on average
SOON = 2  # seconds until who was cut off comes back, on average
PATIENCE = 5  # seconds until a server that does not answer is given up
QUESTIONS = """\
What is a preflight?
Why does my cookie not arrive?
Is a stream one connection, or many?
Who remembers the last event, the browser or the server?
What happens when Redis is away?
Why is a room not a namespace?
Does an acknowledgement mean that everybody has seen it?
What does the second worker know of the first?
When is a thread better than a greenlet?
Can we have a break?""".splitlines()


@dataclass
class Learner:
    """Somebody in the hall, or outside: then without a client."""

    name: str
    due: float = 0  # when the next thing is to be done
    client: Client | None = None
    cookies: list[str] = field(default_factory=list)
    doing: str = ""  # what has no acknowledgement yet
    question: int | None = None  # the one on the board
    cut_off: bool = False

    def wait(self, seconds):
        self.due = time.monotonic() + random.expovariate(1 / seconds)


class Hall:
    """All learners of one lesson, what they have done so far, and what they have heard."""

    def __init__(self, url, count):
        self.url, self.crowd = url, Crowd(lose=self.lose)
        self.learners = [Learner(f"Learner {number}") for number in range(1, count + 1)]
        self.inside = {}  # who is in, by client
        self.entries, self.entered = ThreadPoolExecutor(8), queue.SimpleQueue()
        self.recent = deque(maxlen=50)  # questions to vote for
        self.done, self.heard, self.came_back, self.refused = Counter(), 0, 0, ""

    def live(self, seconds):
        """Some seconds in the life of all."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            learner = min(self.learners, key=lambda learner: learner.due)
            if learner.due <= time.monotonic():
                self.act(learner)
            self.crowd.read(1 / MOST)
            while not self.entered.empty():
                self.welcome(*self.entered.get())

    def act(self, learner):
        if not learner.client:
            learner.due = math.inf  # until they are in, or not
            self.entries.submit(self.enter, learner)
            return
        learner.wait(THINKING)
        what = random.choices(["ask", "vote", "go"], [20, 75, 5])[0]
        if what == "go":
            self.crowd.remove(learner.client)
            del self.inside[learner.client]
            learner.client = None
            learner.wait(AWAY)
        elif learner.doing:
            pass  # one thing after the other
        elif what == "vote" and self.recent:
            self.send(learner, "vote", id=random.choice(self.recent))
        elif learner.question:
            self.send(learner, "withdraw", id=learner.question)
        else:
            key = f"{learner.name} {time.time_ns()}"
            self.send(learner, "ask", text=random.choice(QUESTIONS), author=learner.name, key=key)

    def send(self, learner, what, **data):
        learner.doing = what
        with contextlib.suppress(OSError):  # who is cut off is about to be lost
            learner.client.emit(what, data)

    def enter(self, learner):
        """Open a connection, in a thread of its own, for it may take its time."""
        client = None
        with contextlib.suppress(OSError, http.client.HTTPException):
            learner.cookies = learner.cookies or self.introduce()
            cookies = f"Cookie: {'; '.join(learner.cookies)}"
            client = Client(self.url, hear=self.hear, headers=[cookies], patience=PATIENCE)
        self.entered.put((learner, client))

    def introduce(self):
        """The cookies of a new visitor; raises OSError."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("PUT", "/api/browser")
            answer = connection.getresponse()
            if answer.status == 429:
                self.refused = json.load(answer)["error"]
            if answer.status != 204:
                raise ConnectionError(f"{answer.status} {answer.reason}")
            return [cookie.partition(";")[0] for cookie in answer.headers.get_all("Set-Cookie", [])]

    def welcome(self, learner, client):
        if client is None:
            learner.wait(SOON)
            return
        self.came_back += learner.cut_off
        learner.client, learner.cut_off, learner.doing = client, False, ""
        learner.wait(THINKING)
        self.inside[client] = learner
        self.crowd.add(client)

    def lose(self, client):
        learner = self.inside.pop(client)
        learner.client, learner.cut_off = None, True
        learner.wait(SOON)

    def hear(self, client, packet):
        answer = json.loads(packet[packet.index(b"[") :])
        if packet.startswith(b"43"):
            self.acked(self.inside[client], *answer)
            return
        self.heard += 1
        type, data = answer
        if type == "question_asked" and data["question"]["id"] not in self.recent:
            self.recent.append(data["question"]["id"])
        elif type == "question_withdrawn" and data["id"] in self.recent:
            self.recent.remove(data["id"])

    def acked(self, learner, answer):
        did, learner.doing = learner.doing, ""
        if "error" in answer:
            self.refused = answer["error"]
            return
        self.done[did] += 1
        if did == "ask":
            learner.question = answer["question"]["id"]
        elif did == "withdraw":
            learner.question = None

    def close(self):
        self.entries.shutdown(wait=False, cancel_futures=True)
        for client in list(self.crowd.clients):
            self.crowd.remove(client)


def fill(url, count, out):
    """Let so many learners live in the hall of a lesson, for ever, and show how they are. Raises Trouble."""
    with contextlib.closing(Hall(url, count)) as hall:
        try:
            hall.learners[0].cookies = hall.introduce()
        except (OSError, http.client.HTTPException) as error:
            start = "start it in another terminal: python3 -m course run 5 --workers 3"
            raise Trouble(f"Lesson 5 does not answer at {url} ({error}); {start}") from None
        with Live(Text(f"0 of {count} learners here"), console=out, auto_refresh=False) as screen:
            while True:
                before, begun = hall.heard, time.monotonic()
                hall.live(1)
                each_second = (hall.heard - before) / (time.monotonic() - begun)
                line = f"{len(hall.inside)} of {count} learners here · {hall.done['ask']} questions · "
                line += f"{hall.done['vote']} votes · {each_second:,.0f} delivered/s · {hall.came_back} came back"
                line += f" · refused: {hall.refused}" if hall.refused else ""
                screen.update(Text(line), refresh=True)
