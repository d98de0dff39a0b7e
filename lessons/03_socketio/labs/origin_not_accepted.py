"""CORS is set, and the socket is refused.

Mistake   Only Flask-CORS knows the page's origin.
Symptom   Flask-CORS covers only the app's views. Socket.IO is not a view: it answers 400, "Not an accepted origin."
Cure      Give the origin to Socket.IO too, as sockets.py does: cors_allowed_origins=[…], exactly as browsers send it.
"""

import httpx
from flask import Flask
from flask_cors import CORS
from flask_socketio import SocketIO


def app(**options):
    app = Flask(__name__)
    app.config.from_prefixed_env()  # PAGE_ORIGIN
    CORS(app, origins=[app.config["PAGE_ORIGIN"]])
    allowed = {name: app.config[setting] for name, setting in options.items()}
    SocketIO(app, async_mode="threading", **allowed)
    return app


def broken():
    return app()


def cured():
    return app(cors_allowed_origins="PAGE_ORIGIN")


def symptom(server):
    handshake = f"{server.url}/socket.io/?EIO=4&transport=polling"
    answer = httpx.get(handshake, headers={"Origin": server.page_origin})  # as the page's browser asks
    said = answer.json() if answer.status_code == 400 else "welcome"
    return answer.status_code == 400, f"The page at {server.page_origin} knocks and hears: {answer.status_code}, {said}"
