"""They have left, and nobody noticed.

Mistake   A stream only waits for the next event, as in Flask-SSE. It writes nothing, so no write can fail.
Symptom   Readers close their browsers, but their threads and Redis subscriptions stay until the next event.
Cure      Send a heartbeat: its write fails for readers that have left. Use one subscription for all readers.
"""

import contextlib
import socket
import time
from urllib.parse import urlsplit

import flask_sse
import httpx
from flask import Flask
from redis import Redis

from .. import create_app

READERS = 20


def broken():
    app = Flask(__name__)
    app.config.from_prefixed_env()  # REDIS_URL
    app.register_blueprint(flask_sse.sse, url_prefix="/stream")

    @app.get("/readers")
    def readers():
        return str(dict(Redis.from_url(app.config["REDIS_URL"]).pubsub_numsub("sse"))[b"sse"])

    return app


def cured():
    app = create_app({"HEARTBEAT_SECONDS": 0.5})

    @app.get("/readers")
    def readers():
        return str(len(app.extensions["hub"].readers.get("board", ())))

    return app


def symptom(server):
    def wait_for(count):
        """The number of readers at the server, once it is `count` or four seconds are over."""
        end = time.monotonic() + 4
        while (readers := int(httpx.get(f"{server.url}/readers").text)) != count and time.monotonic() < end:
            time.sleep(0.1)
        return readers

    url = urlsplit(server.url)
    with contextlib.ExitStack() as browsers:
        for _ in range(READERS):
            browser = browsers.enter_context(socket.create_connection((url.hostname, url.port)))
            browser.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        came = wait_for(READERS)
    left = wait_for(0)
    return left > 0, f"{came} readers come and go. Four seconds later the server still holds {left} of them."
