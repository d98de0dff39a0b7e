"""People who do their work in the background while things break: readers who count, and writers who try again."""

import contextlib
import json
import random
import threading

import httpx
from socketio.exceptions import SocketIOError

from ..load import Client, Crowd
from ..served import cookie_of

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


class Seat:
    """What one reader has heard."""

    def __init__(self, last):
        self.last, self.seen = last, []

    def hear(self, seq):
        if seq == self.last + 1:
            self.seen.append(seq)
            self.last = seq


class Reader(Person):
    """Counts what she hears, asks for what she missed, and comes back with the last number she has."""

    def __init__(self, lesson, transport, last, visitor=None):
        super().__init__(lesson, transport, visitor)
        self.seat = Seat(last)

    def stay(self):
        seat = self.seat
        auth = {"after": seat.last}
        with self.lesson.socket(transport=self.transport, auth=auth, visitor=self.visitor) as socket:
            patience = random.uniform(0.5, 3)  # then the Wi-Fi goes
            while not self.stop.is_set() and random.random() > 0.01:
                event = socket.next("question_asked", "heartbeat", within=patience)
                if event.type == "question_asked":
                    seat.hear(event.data["seq"])
                if event.data["seq"] > seat.last:
                    for missed in socket.call("catch_up", {"after": seat.last})["events"]:
                        seat.hear(missed["data"]["seq"])


class Hall(Person):
    """Many readers by WebSocket, each no more than a socket, in one thread. Each of `seats` counts as a Reader does."""

    def __init__(self, lesson, count, last, visitor=None):
        super().__init__(lesson, "websocket", visitor)
        self.seats = [Seat(last) for _ in range(count)]
        self.taken = {}  # the seats in which somebody sits, by client

    def stay(self):
        crowd = Crowd(self.taken.pop)
        while not self.stop.is_set():
            for seat in [seat for seat in self.seats if seat not in self.taken.values()][:5]:
                with contextlib.suppress(OSError):
                    self.enter(seat, crowd)
            crowd.read(0.05)
        for client in list(crowd.clients):
            crowd.remove(client)

    def enter(self, seat, crowd):
        cookies = [f"{name}: {value}" for name, value in cookie_of(self.visitor).items()]
        client = Client(self.lesson.api, hear=self.hear, headers=cookies, patience=2)
        self.taken[client] = seat
        crowd.add(client)
        client.emit("catch_up", {"after": seat.last})

    def hear(self, client, packet):
        seat, answer = self.taken[client], json.loads(packet[packet.index(b"[") :])
        if packet.startswith(b"43"):
            for missed in answer[0].get("events", []):
                seat.hear(missed["data"]["seq"])
        elif answer[0] in {"question_asked", "heartbeat"}:
            if answer[0] == "question_asked":
                seat.hear(answer[1]["seq"])
            if answer[1]["seq"] > seat.last:
                client.emit("catch_up", {"after": seat.last})


class StreamReader(Reader):
    """The same by an event stream: the browser's EventSource would count and come back by itself."""

    def stay(self):
        with self.lesson.stream(last_event_id=self.seat.last, visitor=self.visitor) as stream:
            while not self.stop.is_set():
                event = stream.next(within=4)
                if event is None:
                    return
                self.seat.hear(int(event.id))


class Writer(Person):
    """Asks one question after the other, with a pause; what was not answered is asked again, with the same key."""

    def __init__(self, lesson, transport, texts, pause=0):
        super().__init__(lesson, transport)
        self.texts, self.pause, self.asked = texts, pause, []

    def stay(self):
        with self.lesson.socket(transport=self.transport) as socket:
            while len(self.asked) < len(self.texts):
                text = self.texts[len(self.asked)]
                assert socket.call("ask", {"text": text, "key": text}, within=2)["ok"]
                self.asked.append(text)
                if self.stop.wait(self.pause) or random.random() < 0.05:
                    return  # her Wi-Fi goes, too
        self.stop.set()
