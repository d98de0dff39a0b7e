"""Two heartbeats.

Mistake   Each `connect` starts the background task, which should run only once.
Symptom   With two open pages, everything arrives twice, with three pages three times. Closing a page stops no task.
Cure      Start it once, behind a lock, because two clients may connect at the same time: see sockets.start_tasks.
"""

import itertools
import threading
import time

from flask import Flask
from flask_socketio import SocketIO
from socketio import SimpleClient

socketio = SocketIO(async_mode="threading")
starting, tasks = threading.Lock(), []


def beat():
    """Send one beat after the other to everybody, forever."""
    for number in itertools.count(1):
        socketio.emit("beat", number)
        socketio.sleep(0.25)


def start(auth):
    socketio.start_background_task(beat)


def start_once(auth):
    with starting:
        if not tasks:
            tasks.append(socketio.start_background_task(beat))


def app(come):
    app = Flask(__name__)
    socketio.init_app(app)
    socketio.on_event("connect", come)
    return app


def broken():
    return app(start)


def cured():
    return app(start_once)


def symptom(server):
    beats = []
    alice, bob = SimpleClient(reconnection=False), SimpleClient(reconnection=False)  # they close when the server stops
    for who in (alice, bob):
        who.connect(server.url, transports=["polling"])
    end = time.monotonic() + 1
    while time.monotonic() < end:
        beats.append(alice.receive(timeout=2)[1])
    return len(set(beats)) < len(beats), f"Alice comes, then Bob. The beats that Alice hears: {beats}."
