"""Leaving eventlet.

Mistake   The app's own code says eventlet.spawn, which is fine as long as eventlet serves.
Symptom   On another engine nobody runs what it spawned: nothing happens, and nothing is logged.
Cure      socketio.start_background_task, and socketio.sleep for eventlet.sleep: each engine has its own behind them.
"""

from flask import Flask
from flask_socketio import SocketIO
from socketio import SimpleClient, exceptions

socketio = SocketIO(async_mode="threading")  # yesterday it was eventlet, which its authors call deprecated


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
    import eventlet  # only here, for it warns of itself

    return app(eventlet.spawn)


def cured():
    return app(socketio.start_background_task)


def symptom(server):
    heard = []
    alice = SimpleClient(reconnection=False)  # she leaves when the server does
    alice.connect(server.url, transports=["polling"])
    alice.emit("begin")
    try:
        while len(heard) < 3:
            heard.append(alice.receive(timeout=2)[1])
    except exceptions.TimeoutError:
        pass  # nothing for two seconds: that is all there is
    return not heard, f"Alice begins the countdown. She hears: {heard or 'nothing'}."
