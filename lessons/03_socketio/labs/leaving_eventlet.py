"""Leaving eventlet.

Mistake   The app's own code calls eventlet.spawn, which works only while eventlet serves.
Symptom   On another engine, the spawned function never runs, and nothing is logged.
Cure      Call socketio.start_background_task and socketio.sleep instead: they use the engine's own functions.
"""

from flask import Flask
from flask_socketio import SocketIO
from socketio import SimpleClient, exceptions

socketio = SocketIO(async_mode="threading")  # it was eventlet before, which its authors call deprecated


def app(start):
    app = Flask(__name__)
    socketio.init_app(app)

    def count_down():
        for number in (3, 2, 1):
            socketio.emit("count", number)
            socketio.sleep(0.1)

    @socketio.event
    def begin():
        start(count_down)

    return app


def broken():
    import eventlet  # imported only here, because it prints a warning

    return app(eventlet.spawn)


def cured():
    return app(socketio.start_background_task)


def symptom(server):
    heard = []
    alice = SimpleClient(reconnection=False)  # it closes when the server stops
    alice.connect(server.url, transports=["polling"])
    alice.emit("begin")
    try:
        while len(heard) < 3:
            heard.append(alice.receive(timeout=2)[1])
    except exceptions.TimeoutError:
        pass  # no event for two seconds: there are no more
    return not heard, f"Alice begins the countdown. She hears: {heard or 'nothing'}."
