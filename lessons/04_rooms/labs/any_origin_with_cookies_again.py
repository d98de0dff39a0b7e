"""Any origin, with cookies, again.

Mistake   cors_allowed_origins="*" is set, because Socket.IO refused the page and this made it work.
Symptom   Any page that Grace visits can open a socket with Grace's cookie: cross-site WebSocket hijacking.
Cure      Name the origins, as sockets.py does. A WebSocket has no preflight, so the server must check the origin.
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
    evil = {"Origin": "http://evil.example", "Cookie": cookie}  # what Grace's browser sends for a page of evil.example
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
