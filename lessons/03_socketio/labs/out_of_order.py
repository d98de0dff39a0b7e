"""Handled out of order.

Mistake   Flask-SocketIO as it comes, on threads: async_handlers=True gives each event a thread of its own.
Symptom   Whichever thread is quicker is first. What a client sent first may be handled last.
Cure      async_handlers=False: a client's events are handled one after the other, as it sent them.

Here some handlers take 20 ms longer, as a busy database may. Without that it happens once in a long while: worse.
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
