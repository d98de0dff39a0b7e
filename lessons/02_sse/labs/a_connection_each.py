"""A Redis connection for each reader.

Mistake   Each open stream has its own Redis subscription and decodes every event again, as Flask-SSE does.
Symptom   200 readers need 200 connections to Redis, and each event is decoded and written 200 times.
Cure      Use one listener in the process, which writes each event once for all readers, as stream.py does.

A view publishes 50 events one by one. The lab measures how fast 200 readers receive them: under eventlet, and on
Flask's own server, which has a thread for each reader.
"""

import resource
import selectors
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import flask_sse
import httpx
from flask import Flask
from redis import Redis

from .. import create_app, stream

READERS, EVENTS = 200, 50
UNDER_EVENTLET = """
import eventlet
eventlet.monkey_patch()  # before anything else is imported
import importlib, sys
from eventlet import wsgi
app = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])()
listening = eventlet.listen(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
wsgi.server(listening, app, minimum_chunk_size=1, max_size=2000, log_output=False)  # else it waits for 4,096 bytes
"""


def broken():
    app = Flask(__name__)
    app.config.from_prefixed_env()  # REDIS_URL
    app.register_blueprint(flask_sse.sse, url_prefix="/stream")
    return measurable(app, flask_sse.sse, "broken")


def cured():
    return measurable(create_app(), stream.sse, "cured")


def measurable(app, sse, variant):
    """Add what the symptom needs: views that publish, count the readers' cost and start a second server."""

    @app.post("/publish/<int:count>/<text>")
    def publish(count, text):
        for _ in range(count):
            sse.publish({"text": text}, type="news")
        return ""

    @app.get("/cost")
    def cost():
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB; on macOS in bytes
        with Redis.from_url(app.config["REDIS_URL"]) as redis:
            return [len(redis.client_list()), most // 1024 if sys.platform == "darwin" else most]

    @app.post("/eventlet")
    def start():
        command = [sys.executable, "-c", UNDER_EVENTLET, __name__, variant]
        app.extensions["eventlet"] = server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        return f"http://localhost:{server.stdout.readline().strip()}"

    @app.delete("/eventlet")
    def stop():
        with app.extensions["eventlet"] as server:
            server.kill()
        return ""

    return app


def symptom(server):
    eventlet = httpx.post(f"{server.url}/eventlet", timeout=20).text
    connections, under_eventlet = measure(eventlet)
    httpx.delete(f"{server.url}/eventlet", timeout=20)
    _, on_flask = measure(server.url)
    return connections > READERS / 2, f"Under eventlet {under_eventlet}. On Flask's own server {on_flask}."


def has_heard(reader):
    """Whether something arrives within half a second. `select.select` cannot watch files above number 1,023."""
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        return selector.select(0.5)


def measure(url):
    """The number of Redis connections that the readers need, and a sentence with all figures."""
    address, before = urlsplit(url), cost(url)
    readers = [socket.create_connection((address.hostname, address.port), timeout=20) for _ in range(READERS)]
    for reader in readers:
        reader.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for reader in readers:
        while not has_heard(reader):  # a reader that has received one event receives all later ones
            httpx.post(f"{url}/publish/1/hello", timeout=20)

    start = time.monotonic()
    httpx.post(f"{url}/publish/{EVENTS}/*", timeout=60)
    arrived = sum(count_stars(reader) for reader in readers)
    speed = arrived / (time.monotonic() - start)

    connections, memory = (now - then for now, then in zip(cost(url), before, strict=True))
    for reader in readers:
        reader.close()
    each = memory / READERS
    return connections, f"{speed:,.0f} events/s, {connections} connections to Redis, {each:.0f} KiB a reader"


def cost(url):
    """The connections to Redis, and the peak memory of the process in KiB."""
    return httpx.get(f"{url}/cost", timeout=20).json()


def count_stars(reader):
    """Read until all events have arrived or the stream ends. Returns their number: each has one * in its text."""
    text = b""
    while text.count(b"*") < EVENTS and (more := reader.recv(100_000)):
        text += more
    return text.count(b"*")
