"""Compressed for each client.

Mistake   The server accepts permessage-deflate from every browser that offers it, and all of them do.
Symptom   The server compresses each message again for each client, and each client needs its own memory.
Cure      Leave the offer unanswered, as leaving.py does: the server sends more bytes, but has less work.
          Clients that need large data fetch it over HTTP.
"""

import contextlib
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import simple_websocket
from flask import Flask
from flask_socketio import SocketIO

CLIENTS, PARTS, LENGTH = 20, 10, 6000
LESSON = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parents[1].glob("*.py")))
HELLO = """GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r
Host: localhost\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r
"""
OFFER = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
ENTER = b"\x81\x82\0\0\0\x0040"  # one frame: Socket.IO's CONNECT


def app(*ignored):
    simple_websocket.Server = simple_websocket.Server.__base__  # the default class, which accepts the offer
    app = Flask(__name__)
    socketio = SocketIO(app, async_mode="threading")
    answer = app.wsgi_app

    def undeflated(environ, start_response):
        for header in ignored:
            environ.pop(header, None)
        return answer(environ, start_response)

    @app.post("/read")
    def read():
        """Send parts of the lesson to all. Returns the CPU seconds used, and the server's memory in bytes."""
        began = time.process_time()
        for part in range(PARTS):
            socketio.send(LESSON[part * LENGTH : (part + 1) * LENGTH])
            time.sleep(0.05)
        has = psutil.Process().memory_info().rss
        socketio.server.eio.disconnect()  # this waits until everything is sent
        return [time.process_time() - began, has]

    app.wsgi_app = undeflated
    return app


def broken():
    return app()


def cured():
    return app("HTTP_SEC_WEBSOCKET_EXTENSIONS")


def symptom(server):
    _, plain, packed = (read_to_all(server.url, offer) for offer in ("", "", OFFER))  # the first only warms up
    work, memory = packed[0] / plain[0], max(0, packed[1] - plain[1]) / CLIENTS
    return work > 2, (
        f"{PARTS} messages go to {CLIENTS} browsers that offer compression, then to {CLIENTS} that do not. "
        f"The first cost {work:.1f} times the work, and {memory / 1024:.0f} KiB more for each."
    )


def read_to_all(url, offer):
    """The server's CPU seconds and memory when it sends to clients that make this offer."""
    address = urlsplit(url)
    with contextlib.ExitStack() as browsers:
        for _ in range(CLIENTS):
            browser = browsers.enter_context(socket.create_connection((address.hostname, address.port), timeout=10))
            for sent in (f"{HELLO}{offer}\r\n".encode(), ENTER):
                browser.sendall(sent)
                browser.recv(4096)
        return httpx.post(f"{url}/read", timeout=20).json()
