"""The smallest examples of what Socket.IO does, on the default namespace."""

from flask import Blueprint, request
from flask_socketio import emit, send

from .sockets import socketio

hello = Blueprint("hello", __name__)


@socketio.on("message")
def message(text):
    """An event without a name of its own: `send` is `emit("message", …)`."""
    send(text)


@socketio.on("json")
def json(data):
    """The same for JSON."""
    send(data, json=True)


@socketio.event
def echo(*arguments):
    """Send any arguments back, bytes too, as an event and as the acknowledgement. The client acknowledges, too."""
    emit("echo", arguments, callback=lambda *acknowledgement: emit("received", acknowledgement))
    return arguments


@socketio.event
def wave(name):
    """To everybody but the sender."""
    emit("wave", name, broadcast=True, include_self=False)


@hello.post("/hello")
def say_hello():
    """Send to every socket from an HTTP request: it has no client for `emit`, so use `socketio.emit`."""
    socketio.send(request.get_data(as_text=True))
    return "", 204
