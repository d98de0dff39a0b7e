"""Half of the class hears nothing.

Mistake   Two workers run without a message queue between them.
Symptom   A message sent at one worker reaches only that worker's clients, and there is no error.
Cure      Set message_queue: each worker then passes its messages on to the others.
"""

import os
import threading
import time

import httpx
from flask import Flask
from flask_socketio import SocketIO
from socketio import Client
from werkzeug.serving import make_server

HALF = 6


def worker(queue):
    """A worker, as if in its own process. POST /say sends to everybody."""
    app = Flask(__name__)
    socketio = SocketIO(app, async_mode="threading", message_queue=queue)

    @app.post("/say")
    def say():
        socketio.send("Good morning")
        return "", 204

    return app


def two(first, second):
    """Serve the second beside the first, which answers GET /second with its URL."""
    server = make_server("127.0.0.1", 0, second, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    first.add_url_rule("/second", view_func=lambda: f"http://localhost:{server.port}")
    return first


def broken():
    return two(worker(None), worker(None))


def cured():
    queue = os.environ["FLASK_REDIS_URL"]
    return two(worker(queue), worker(queue))


def symptom(server):
    heard = set()
    for url in [server.url] * HALF + [httpx.get(f"{server.url}/second").text] * HALF:
        client = Client(reconnection=False)  # it closes when the server stops
        client.on("message", lambda text, who=client: heard.add(who))
        client.connect(url, transports=["websocket"])
    end = time.monotonic() + 2
    while len(heard) < 2 * HALF and time.monotonic() < end:
        httpx.post(f"{server.url}/say")  # more than once: a worker that has just started may not listen yet
        time.sleep(0.1)
    return len(heard) < 2 * HALF, (
        f"{HALF} clients are at each worker. The first says good morning, and {len(heard)} of {2 * HALF} hear it."
    )
