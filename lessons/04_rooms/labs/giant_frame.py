"""A giant frame.

Mistake   max_http_buffer_size is set, and nothing else limits what a client sends.
Symptom   On threads and gevent, the server checks the size of a complete message: it first reads all 32 MiB.
Cure      Limit the WebSocket itself, which checks the length before it reads on: LimitedWebSocket in limits.py.
"""

import contextlib
import socket
import struct
from urllib.parse import urlsplit

import simple_websocket
from flask import Flask
from flask_socketio import SocketIO

from ..limits import LimitedWebSocket

LIMIT, SIZE, PIECE = 16 * 1024, 32 * 2**20, bytes(2**16)


def app(websocket):
    simple_websocket.Server = websocket
    app = Flask(__name__)
    SocketIO(app, async_mode="threading", max_http_buffer_size=LIMIT)
    return app


def broken():
    return app(LimitedWebSocket.__base__)


def cured():
    LimitedWebSocket.longest = LIMIT
    return app(LimitedWebSocket)


def symptom(server):
    url, taken = urlsplit(server.url), 0
    with socket.create_connection((url.hostname, url.port), timeout=5) as mallory, contextlib.suppress(OSError):
        mallory.sendall(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r\n\r\n"
        )
        mallory.recv(4096)
        mallory.sendall(struct.pack(">BBQI", 0x81, 0xFF, SIZE, 0))  # a text frame of SIZE bytes (RFC 6455, 5.2)
        while taken < SIZE:
            mallory.sendall(PIECE)
            taken += len(PIECE)
    took = "all of it" if taken == SIZE else "a small part, and hung up"
    return taken == SIZE, f"16 KiB are allowed. Mallory sends a message of 32 MiB, and the server takes {took}."
