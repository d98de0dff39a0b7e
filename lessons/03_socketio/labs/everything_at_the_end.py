"""Everything at the end.

Mistake   On a cooperative engine, a handler works without a break: a long sum, a library in C, an unpatched time.sleep.
Symptom   All other clients wait, and so do its own events: "started" arrives with "finished", a second late.
Cure      Do the work in pieces, and call socketio.sleep(0) between them: then the other tasks run.
"""

import sys
import time

from flask import Flask
from flask_socketio import SocketIO, emit
from socketio import SimpleClient

from .. import engine


def broken():
    return [sys.executable, "-m", __name__, "without a break", "{port}"]  # with -m, so that eventlet serves


def cured():
    return [sys.executable, "-m", __name__, "in pieces", "{port}"]


def symptom(server):
    alice = SimpleClient(reconnection=False)  # it closes when the server stops
    alice.connect(server.url, transports=["polling"])
    alice.emit("work")
    began = time.monotonic()
    heard = {alice.receive(timeout=5)[0]: time.monotonic() - began for _ in range(2)}
    late, early = heard["finished"], heard["started"]
    return late - early < 0.5, f'Alice hears "started" after {early:.1f} s and "finished" after {late:.1f} s.'


def add_up(seconds):
    """Work that never waits, so that eventlet cannot switch to another task."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def serve(variant, port):
    app = Flask(__name__)
    socketio = SocketIO(app, async_mode=engine.NAME)

    @socketio.event
    def work():
        emit("started")
        for _ in range(20):
            if variant == "in pieces":
                socketio.sleep(0)
            add_up(0.05)
        emit("finished")

    engine.serve(app, "127.0.0.1", int(port))


if __name__ == "__main__":
    serve(*sys.argv[1:])
