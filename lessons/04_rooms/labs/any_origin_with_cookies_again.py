"""Any origin, with cookies, again.

Mistake   cors_allowed_origins="*", since Socket.IO refused the page and this made it work.
Symptom   Any page that grace visits opens a socket with her cookie, and is grace: cross-site WebSocket hijacking.
Cure      Name the origins, as sockets.py does. For a WebSocket there is no preflight: the server itself has to look.
"""

import httpx
from socketio import SimpleClient, exceptions

from .. import create_app
from ..sockets import socketio


def broken():
    app = create_app()
    socketio.server.eio.cors_allowed_origins = "*"
    return app


def cured():
    return create_app()


def symptom(server):
    login = httpx.post(f"{server.url}/api/login", json={"name": "grace", "password": "live-flask"})
    cookie = "; ".join(f"{name}={value}" for name, value in login.cookies.items())
    evil = {"Origin": "http://evil.example", "Cookie": cookie}  # what grace's browser sends for a page of evil.example
    socket = SimpleClient(reconnection=False)
    try:
        socket.connect(server.url, evil, transports=["polling"], namespace="/board")
        answer = socket.call("enter", {"room": "physics"}, timeout=5)
    except exceptions.ConnectionError:
        answer = {}
    reads = answer.get("teacher", False)
    return (
        reads,
        f"A page at http://evil.example knocks with grace's cookie. It {'is grace' if reads else 'is refused'}.",
    )
