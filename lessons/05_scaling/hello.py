"""Hello: everything Socket.IO does, in its smallest form, on the default namespace."""

from flask import Blueprint, request
from flask_socketio import emit, send

from .sockets import socketio

hello = Blueprint("hello", __name__)


@socketio.on("message")
def message(text):
    """A message without a name of its own: `send` is `emit("message", …)`."""
    send(text)


@socketio.on("json")
def json(data):
    """The same for JSON."""
    send(data, json=True)


@socketio.event
def echo(*arguments):
    """Any arguments, bytes too: they come back as an event and as the acknowledgement; the client acknowledges too."""
    emit("echo", arguments, callback=lambda *acknowledgement: emit("received", acknowledgement))
    return arguments


@socketio.event
def wave(name):
    """To everybody but the sender."""
    emit("wave", name, broadcast=True, include_self=False)


@hello.post("/hello")
def say_hello():
    """An HTTP request that speaks to every socket: here `emit` would know no client, so `socketio` sends."""
    socketio.send(request.get_data(as_text=True))
    return "", 204
