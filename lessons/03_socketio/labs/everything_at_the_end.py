"""Everything at the end.

Mistake   On a cooperative engine, a handler works without a break: a long sum, a library in C, an unpatched time.sleep.
Symptom   All the others wait, and so does what it emits: "started" comes together with "finished", a second late.
Cure      Do the work in pieces, and call socketio.sleep(0) between them: there the others have their turn.
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
    alice = SimpleClient(reconnection=False)  # she leaves when the server does
    alice.connect(server.url, transports=["polling"])
    alice.emit("work")
    began = time.monotonic()
    heard = {alice.receive(timeout=5)[0]: time.monotonic() - began for _ in range(2)}
    late, early = heard["finished"], heard["started"]
    return late - early < 0.5, f'Alice hears "started" after {early:.1f} s and "finished" after {late:.1f} s.'


def add_up(seconds):
    """A piece of work that waits for nothing, so that eventlet never gets to say whose turn it is."""
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
