"""How a worker goes without a loss: it takes no new clients, sends its own to the others, and ends what it began."""

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

MOST = 10  # seconds that answers and exports under way may take

health = Blueprint("health", __name__)


class Entrance:
    """What stands before the app: it counts the requests that are under way, and lets nobody in when the worker leaves.

    nginx takes a 503 to another worker (proxy_next_upstream), since nothing has been done here.
    """

    def __init__(self, app):
        self.app, self.leaving = app, False
        self.under_way = WeakSet()  # for not every server closes an answer whose reader is gone

    def __call__(self, environ, start_response):
        if self.leaving and environ["PATH_INFO"] != "/ready":
            return ServiceUnavailable("This worker is leaving; ask again.")(environ, start_response)
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)  # each client's messages would be compressed for it alone
        request = Request()
        self.under_way.add(request)
        answered = functools.partial(self.under_way.discard, request)
        try:
            return ClosingIterator(self.app(environ, start_response), answered)
        except BaseException:  # so a WebSocket ends on some servers, for nothing may be written after it
            answered()
            raise


class Request:
    """One that is under way."""


def open_entrance(app):
    app.wsgi_app = app.extensions["entrance"] = Entrance(app.wsgi_app)
    app.register_blueprint(health)


@health.get("/ready")
def ready():
    """Whether this worker takes new clients, for whoever sends them: 200, or 503 when it is leaving."""
    leaving = current_app.extensions["entrance"].leaving
    return {"worker": current_app.config["WORKER"], "ready": not leaving}, 503 if leaving else 200


def begin_work(app):
    """From now on this process is a worker: the others know it, and SIGTERM lets it go in peace; a second, at once."""

    def close(*received):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        app.extensions["entrance"].leaving = True
        if callable(before):
            before(*received)  # gunicorn's: it takes no more connections, which its next worker takes at the same port

    before = signal.getsignal(signal.SIGTERM)
    gc.collect()
    gc.freeze()  # what is loaded by now stays; to look through it again and again would keep all clients waiting
    signal.signal(signal.SIGTERM, close)
    socketio.start_background_task(leave, app)
    with app.app_context():
        start_tasks()


def leave(app):
    """When it is time, send everybody elsewhere, wait for the answers under way, and stop; who was sent comes back."""
    entrance, hub = app.extensions["entrance"], app.extensions["hub"]
    while not entrance.leaving:
        time.sleep(0.2)
    app.extensions["presence"].leave()
    for connection in list(socketio.server.eio.sockets):
        cut_off(connection)
        time.sleep(0.002)  # not all at once, for they all come back at once
    for channel in list(hub.readers):
        hub.end(channel=channel)
    end = time.monotonic() + MOST
    while (entrance.under_way or jobs.under_way) and time.monotonic() < end:
        time.sleep(0.05)
    with app.app_context():
        db.engine.dispose()  # so that SQLite puts its files in order
    os._exit(0)  # from whatever thread this is
