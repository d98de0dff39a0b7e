"""The queue that stops everybody.

Mistake   eventlet runs with a message queue, but without monkey_patch.
Symptom   The thread that waits for Redis would block every client, so python-socketio refuses to start it. The
          server runs, but refuses every client.
Cure      Call eventlet.monkey_patch() before every other import, as engine.py does.
"""

import sys

import httpx

SERVER = """
{first}
import os, sys
from flask import Flask
from flask_socketio import SocketIO

app = Flask("app")
socketio = SocketIO(app, async_mode="eventlet", message_queue=os.environ["FLASK_REDIS_URL"])
socketio.run(app, port=int(sys.argv[1]))
"""


def serve(first):
    return [sys.executable, "-c", SERVER.replace("{first}", first), "{port}"]


def broken():
    return serve("")


def cured():
    return serve("import eventlet; eventlet.monkey_patch()")


def symptom(server):
    answer = httpx.get(f"{server.url}/socket.io/?EIO=4&transport=polling")
    said = f"A client knocks, and is answered {answer.status_code}."
    if answer.is_error:
        said += f" The server's log: {server.process.printed('^RuntimeError')[0]}"
    return answer.is_error, said
