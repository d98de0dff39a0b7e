"""Forty events, and none arrives.

Mistake   Engine.IO runs with its defaults: it accepts 16 packets in one long-polling request.
Symptom   A client sends 40 at once and gets 200. The server drops all 40, and only its log shows it.
Cure      Set engineio.payload.Payload.max_decode_packets = 1000, as sockets.py does. Each side has its own limit.
"""

import engineio.payload
import httpx
from flask import Flask
from flask_socketio import SocketIO


def app(most):
    app, counted = Flask(__name__), []
    socketio = SocketIO(app, async_mode="threading", async_handlers=False)
    engineio.payload.Payload.max_decode_packets = most
    socketio.on_event("count", lambda: counted.append("one"))
    app.add_url_rule("/counted", view_func=lambda: str(len(counted)))
    return app


def broken():
    return app(most=16)


def cured():
    return app(most=1000)


def symptom(server):
    with httpx.Client(base_url=server.url, params={"EIO": "4", "transport": "polling"}) as alice:
        sid = alice.get("/socket.io/").text.split('"')[3]
        alice.post("/socket.io/", params={"sid": sid}, content="40")  # Socket.IO's CONNECT packet
        answer = alice.post("/socket.io/", params={"sid": sid}, content="\x1e".join(['42["count"]'] * 40))
        counted = alice.get("/counted").text
    return (
        counted != "40",
        f"Alice sends 40 events, the answer is {answer.status_code}, and the server counts {counted}.",
    )
