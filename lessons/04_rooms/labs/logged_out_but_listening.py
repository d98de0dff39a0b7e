"""Logged out, but listening.

Mistake   Signing out ends the session and nothing else.
Symptom   A socket checks the session only when it connects. It stays open, and still receives the room's events.
Cure      Close a session's sockets when it ends: sign_out announces the end, close_what_ended closes them.
"""

import contextlib

import httpx
from socketio import SimpleClient, exceptions

from .. import create_app, sockets


def broken():
    sockets.close_what_ended = lambda app, event: None
    return create_app()


def cured():
    return create_app()


def symptom(server):
    ada, grace = (signed_in(server, name) for name in ("ada", "grace"))
    socket = SimpleClient(reconnection=False)
    cookie = "; ".join(f"{name}={value}" for name, value in ada.cookies.items())
    socket.connect(server.url, {"Cookie": cookie}, {"room": "physics"}, ["polling"], "/board")
    ada.post("/api/logout").raise_for_status()
    hears(socket, None)  # read all events until the socket is closed or silent
    grace.post("/api/questions?room=physics", json={"text": "Who listens?"})
    listens = hears(socket, "question_asked")
    return listens, f"Ada signs out, grace asks. Ada's socket {'hears the question' if listens else 'is closed'}."


def hears(socket, type):
    """Whether an event of this type arrives before the socket closes or is silent for two seconds."""
    with contextlib.suppress(exceptions.TimeoutError, exceptions.DisconnectedError):
        while socket.receive(timeout=2)[0] != type:
            pass
        return True
    return False


def signed_in(server, name):
    visitor = httpx.Client(base_url=server.url)
    visitor.post("/api/login", json={"name": name, "password": "live-flask"}).raise_for_status()
    return visitor
