"""Handled out of order.

Mistake   Flask-SocketIO runs on threads with its defaults: async_handlers=True gives each event its own thread.
Symptom   The threads run at the same time, so the event that a client sent first may be handled last.
Cure      Set async_handlers=False: the server then handles a client's events one after the other, in order.

Here some handlers take 20 ms longer, as with a busy database. Without the delay, the mistake shows only rarely.
"""

import time

import socketio
from flask import Flask
from flask_socketio import SocketIO


def app(async_handlers):
    app, handled = Flask(__name__), []
    server = SocketIO(app, async_mode="threading", async_handlers=async_handlers)

    @server.on("say")
    def say(number):
        if number % 3 == 1:
            time.sleep(0.02)
        handled.append(number)

    @server.on("done")
    def done():
        time.sleep(0.1)
        return handled

    return app


def broken():
    return app(async_handlers=True)


def cured():
    return app(async_handlers=False)


def symptom(server):
    alice = socketio.Client(reconnection=False)
    alice.connect(server.url, transports=["polling"])
    for number in range(1, 10):
        alice.emit("say", number)
    handled = alice.call("done")
    return handled != sorted(handled), f"Alice says 1 to 9. The server has heard: {handled}."
