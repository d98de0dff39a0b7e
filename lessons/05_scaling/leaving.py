"""How a worker stops without loss: it takes no new clients, sends its own to other workers, and finishes its work."""

import functools
import gc
import os
import signal
import time
from weakref import WeakSet

from flask import Blueprint, current_app
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wsgi import ClosingIterator

from . import jobs
from .board import db
from .sockets import cut_off, socketio, start_tasks

MOST = 10  # seconds that open requests and exports may take

health = Blueprint("health", __name__)


class Entrance:
    """A WSGI middleware that counts the open requests, and refuses new ones when the worker leaves.

    After a 503, nginx tries another worker (proxy_next_upstream): this one has done nothing yet.
    """

    def __init__(self, app):
        self.app, self.leaving = app, False
        self.under_way = WeakSet()  # not every server closes a response whose reader is gone

    def __call__(self, environ, start_response):
        if self.leaving and environ["PATH_INFO"] != "/ready":
            return ServiceUnavailable("This worker is leaving; ask again.")(environ, start_response)
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)  # else each message is compressed again for each client
        request = Request()
        self.under_way.add(request)
        answered = functools.partial(self.under_way.discard, request)
        try:
            return ClosingIterator(self.app(environ, start_response), answered)
        except BaseException:  # some servers end a WebSocket like this, since nothing may be written after it
            answered()
            raise


class Request:
    """One open request."""


def open_entrance(app):
    app.wsgi_app = app.extensions["entrance"] = Entrance(app.wsgi_app)
    app.register_blueprint(health)


@health.get("/ready")
def ready():
    """Whether this worker takes new clients, for nginx or a load balancer: 200, or 503 when it is leaving."""
    leaving = current_app.extensions["entrance"].leaving
    return {"worker": current_app.config["WORKER"], "ready": not leaving}, 503 if leaving else 200


def begin_work(app):
    """Make this process a worker that the others know, and that finishes its work at SIGTERM; at a second, it stops."""

    def close(*received):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        app.extensions["entrance"].leaving = True
        if callable(before):
            before(*received)  # gunicorn's worker accepts no more; the next one accepts at the same port

    before = signal.getsignal(signal.SIGTERM)
    gc.collect()
    gc.freeze()  # loaded modules stay; to check them again and again would delay all clients
    signal.signal(signal.SIGTERM, close)
    socketio.start_background_task(leave, app)
    with app.app_context():
        start_tasks()


def leave(app):
    """When it is time, send the clients to other workers, wait for the open requests, and stop."""
    entrance, hub = app.extensions["entrance"], app.extensions["hub"]
    while not entrance.leaving:
        time.sleep(0.2)
    app.extensions["presence"].leave()
    for connection in list(socketio.server.eio.sockets):
        cut_off(connection)
        time.sleep(0.002)  # one by one, since all reconnect at once
    for channel in list(hub.readers):
        hub.end(channel=channel)
    end = time.monotonic() + MOST
    while (entrance.under_way or jobs.under_way) and time.monotonic() < end:
        time.sleep(0.05)
    with app.app_context():
        db.engine.dispose()  # SQLite then tidies its files
    os._exit(0)  # from any thread
