"""Nobody listens to this channel.

Mistake   A process outside the server sends with python-socketio's RedisManager, and neither side names the channel.
Symptom   It sends without an error, but nobody hears it: Flask-SocketIO listens to the channel "flask-socketio", and
          RedisManager sends to "socketio".
Cure      Name the channel on both sides, as messages.py and announce.py do.
"""

import os
import time

import httpx
from flask import Flask
from flask_socketio import SocketIO
from socketio import Client, RedisManager


def app(**channel):
    app = Flask(__name__)
    url = os.environ["FLASK_REDIS_URL"]
    SocketIO(app, async_mode="threading", message_queue=url, **channel)
    outside = RedisManager(url, write_only=True, **channel)  # as if in its own process

    @app.post("/announce")
    def announce():
        outside.emit("announcement", "Ten minutes left")
        return "", 204

    return app


def broken():
    return app()


def cured():
    return app(channel="live-flask")


def symptom(server):
    heard, sent = [], 0
    client = Client(reconnection=False)  # it closes when the server stops
    client.on("announcement", heard.append)
    client.connect(server.url, transports=["websocket"])
    while not heard and sent < 6:  # more than once: a worker that has just started may not listen yet
        httpx.post(f"{server.url}/announce").raise_for_status()
        sent += 1
        time.sleep(0.2)
    return not heard, f"Announcements sent without an error: {sent}. Heard by the client: {len(heard)}."
