"""The story: all messages in their order, who sent them to whom, and which of them belong together."""

import hashlib
import itertools
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from .readers import READERS
from .words import HEADERS, hidden, masked, plain

KEPT, BYTES = 10_000, 64 * 2**20  # messages at most, and what they may weigh together
LONGEST = 200  # characters of a title
LATELY = 2  # seconds in which a request without a cookie is taken for one of the browser that was heard last
# The first cookie that is a browser's own: nginx's `worker` is the same for many, and the others are attributes.
SESSION = re.compile(
    r"(?i)(?:^|[;,]\s*)(?!(?:worker|remember_token|path|expires|max-age|domain|samesite)=)[^=;,\s]+=([^;,]+)"
)
AGENTS = {
    "Firefox": "Firefox",
    "Edg": "Edge",
    "Chrom": "Chrome",
    "Safari": "Safari",
    "curl": "curl",
    "python": "Python",
}


@dataclass
class Message:
    """One message, on its way from one lane to another; `at` is in seconds since the start."""

    number: int
    at: float
    lanes: tuple[str, str]
    kind: str  # http, stream, socket, redis, connection, absent, bytes, mark
    title: str
    data: bytes = b""
    headers: list = field(default_factory=list)
    keys: list = field(default_factory=list)
    to: int | None = None  # the number of the message that it answers, or belongs to
    quiet: bool = False  # a heartbeat, or the like
    bad: bool = False

    @property
    def weight(self):
        """Its bytes, with those of its headers."""
        return len(self.data) + sum(len(name) + len(value) for name, value in self.headers)

    @property
    def answers(self):
        """The number of the request that it answers; None if it is no answer."""
        return self.to if self.kind in {"http", "redis", "absent"} else None

    def as_json(self):
        """What the page draws; no secret is in it."""
        start, end = self.lanes
        shown = {"number": self.number, "at": round(self.at, 4), "from": start, "to": end, "kind": self.kind}
        return shown | {"title": hidden(self.title), "quiet": self.quiet, "bad": self.bad}

    def __str__(self):
        return f"{self.at:9.3f}  {self.lanes[0]:>12} → {self.lanes[1]:<12}  {hidden(self.title)}"


class Story:
    """What has happened so far. `heard(message)` is called with each, if somebody listens in the terminal."""

    def __init__(self, heard=None):
        self.messages, self.numbers, self.size = deque(), itertools.count(1), 0
        self.dropped, self.heard = 0, heard
        self.changed = threading.Condition()
        self.browsers = Browsers()
        self.begun = time.monotonic()

    def reader(self, kind, lanes):
        """A reader for a connection between two lanes; who the client is may have to be found out: then it is None."""
        client, server = lanes
        who = Client(self.browsers, client)

        def write(at, from_client, kind, title, data=b"", cookie=None, agent=None, set_cookie=None, **more):
            if agent is not None:
                who.asks(at, cookie, agent)
            if set_cookie:
                who.gets(set_cookie)
            way = (who.name, server) if from_client else (server, who.name)
            return self.add(Message(next(self.numbers), at, way, kind, plain(title[:LONGEST]), bytes(data), **more))

        return READERS[kind](write)

    def add(self, message):
        """Keep a message, and tell those who wait; gives its number. The oldest make room for it."""
        with self.changed:
            self.messages.append(message)
            self.size += message.weight
            while len(self.messages) > KEPT or self.size > BYTES:
                self.size -= self.messages.popleft().weight
                self.dropped += 1
            self.changed.notify_all()
        if self.heard:
            self.heard(message)
        return message.number

    def mark(self, caption):
        """A line across all lanes, with words of somebody who looks on."""
        at = time.monotonic() - self.begun
        return self.add(Message(next(self.numbers), at, ("", ""), "mark", plain(caption[:LONGEST])))

    def after(self, number, within=10):
        """The messages after a number, as soon as there are any; none if the seconds are over."""
        with self.changed:
            self.changed.wait_for(lambda: self.messages and self.messages[-1].number > number, within)
            return list(itertools.takewhile(lambda each: each.number > number, reversed(self.messages)))[::-1]

    def find(self, number):
        with self.changed:
            return next((each for each in self.messages if each.number == number), None)

    def details(self, number, secrets=False):
        """A message with its bytes and headers, and the numbers of those that belong to it; None if it is gone."""
        message = self.find(number)
        if message is None:
            return None
        data = message.data if secrets else masked(message.data)
        lines = [
            masked(name + b": " + value) if not secrets else name + b": " + value for name, value in message.headers
        ]
        pairs = [line.decode("latin-1").partition(": ")[::2] for line in lines]
        headers = [
            [name, value.encode("latin-1").decode(), *HEADERS.get(name.lower(), ("", "", ""))] for name, value in pairs
        ]
        return message.as_json() | {
            "headers": headers,
            "data": data.decode(errors="backslashreplace"),
            "related": sorted(self.related(message)),
        }

    def related(self, message):
        """The numbers of the messages that belong to one: by what they answer, and by what they are about."""
        with self.changed:
            messages = list(self.messages)
        found, keys, asked = {message.number}, set(message.keys), {message.answers}
        for _ in range(3):  # ask, acknowledgement, event
            for each in messages:
                if (each.answers or 0) in found or each.number in asked or keys & set(each.keys):
                    found.add(each.number)
                    keys |= set(each.keys)
                    asked.add(each.answers)
        times = [each.at for each in messages if each.number in found]
        first, last = min(times, default=message.at), max(times, default=message.at)
        rung = {"news " + key.split()[1].replace("lobby", "board") for key in keys if key.startswith("seq ")}
        rung |= {each.replace("news ", "news room:") for each in rung}
        found |= {each.number for each in messages if rung & set(each.keys) and first <= each.at <= last + 0.05}
        return found | {each.number for each in messages if (each.answers or 0) in found}


class Client:
    """Who is at the client's end of a connection."""

    def __init__(self, browsers, name):
        self.browsers, self.fixed, self.lane = browsers, name, None
        self.agent, self.is_new = "", False  # of the request that is answered next: whether it had no cookie

    @property
    def name(self):
        return self.fixed or self.lane or "?"

    def asks(self, at, cookie, agent):
        if not self.fixed:
            value = value_of(cookie)
            self.agent, self.is_new = agent, value is None
            self.lane = self.browsers.who(at, value, agent, self.lane)

    def gets(self, set_cookie):
        if self.lane and (value := value_of(set_cookie)):
            self.lane = self.browsers.known(value, self.lane, self.agent, self.is_new)


class Browsers:
    """Browsers are told apart by their cookies. One that sends none is the one of its kind that was heard last."""

    def __init__(self):
        self.cookies, self.seen, self.counts = {}, {}, {}

    def who(self, at, cookie, agent, before):
        lane = self.cookies.get(cookie) if cookie else before or self.lately(at, agent)
        lane = lane or self.fresh(agent) or self.new(agent)
        if cookie:
            self.cookies[cookie] = lane
        self.seen[lane] = (at, agent)
        return lane

    def known(self, cookie, lane, agent, is_new):
        """Whose cookie it is: of a browser not seen before, if it is the first one and that lane has one already."""
        if is_new and lane in self.cookies.values():
            lane = self.new(agent)
        self.cookies[cookie] = lane
        return lane

    def lately(self, at, agent):
        found = [(then, lane) for lane, (then, kind) in self.seen.items() if kind == agent and at - then < LATELY]
        return max(found, default=(0, None))[1]

    def fresh(self, agent):
        """A browser of this kind that has no cookie yet."""
        known = set(self.cookies.values())
        return next((lane for lane, (_, kind) in self.seen.items() if kind == agent and lane not in known), None)

    def new(self, agent):
        if agent.isalpha() and agent not in self.seen:
            return agent  # somebody who says their name, as in the scripts of pictures
        name = next((name for word, name in AGENTS.items() if word in agent), "Client")
        self.counts[name] = self.counts.get(name, 0) + 1
        return f"{name} {self.counts[name]}"


def value_of(cookie):
    """What tells one browser's cookies from another's: a hash, since the cookie itself is secret; None without one."""
    found = SESSION.search(cookie or "")
    return hashlib.sha256(found[1].encode()).hexdigest() if found else None
