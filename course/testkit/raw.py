"""A client of Socket.IO by hand: HTTP requests, WebSocket frames and packets as bytes (RFC 6455)."""

import contextlib
import json
import secrets
import socket
import struct
from collections import Counter
from urllib.parse import urlsplit

HANDSHAKE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r\n"
)


@contextlib.contextmanager
def websocket(lesson, more="", sid=None, narrow=False):
    """A WebSocket by hand, with `more` headers; as the upgrade of a connection by long polling if there is a `sid`.

    A `narrow` one takes little at a time: the server's system keeps some 20 KB for it, and not 2.5 MB.
    """
    url = urlsplit(lesson.at(0))
    with socket.socket() as raw:
        raw.settimeout(10)
        if narrow:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 500)
        raw.connect((url.hostname, url.port))
        path = f"websocket&sid={sid}" if sid else "websocket"
        raw.sendall(f"{HANDSHAKE.replace('websocket ', f'{path} ')}{more}\r\n".encode())
        said = raw.recv(4096)
        assert said.startswith(b"HTTP/1.1 101"), said
        yield raw


def polling(lesson):
    """A connection by long polling, by hand: what posts to it."""
    program = lesson.program()
    address = "/socket.io/?EIO=4&transport=polling"
    sid = json.loads(program.get(address).text[1:])["sid"]
    return lambda content: program.post(f"{address}&sid={sid}", content=content)


def is_fine(lesson):
    """Whether somebody else is served as before."""
    with lesson.socket() as ben:
        return ben.call("ask", {"text": "All well?", "key": secrets.token_hex(8)})["ok"]


def frame(text):
    return head(1, True, len(text)) + text


def head(opcode, last, length):
    """The beginning of a client's frame; the mask is zero, so that what follows stays as it is (RFC 6455, 5.2)."""
    first = opcode | (0x80 if last else 0)
    if length < 126:
        return struct.pack(">BBI", first, 0x80 | length, 0)
    if length < 2**16:
        return struct.pack(">BBHI", first, 0xFE, length, 0)
    return struct.pack(">BBQI", first, 0xFF, length, 0)


def hangs_up(raw):
    """Whether the server ends the connection."""
    with contextlib.suppress(ConnectionError):
        raw.settimeout(5)
        while raw.recv(2**16):
            pass
    return True


def memory(lesson):
    """Bytes that the API holds in memory."""
    return sum(process.memory_info().rss for process in lesson.processes)


def said(lesson, words, since):
    """The lines of the log, of all workers, that have these words and were not there before."""
    return [line for line in new_lines(lesson, since) if words in line]


def new_lines(lesson, since):
    return list((Counter(lesson.served.api.lines) - Counter(since)).elements())


def frames(raw):
    """What a server sends over a WebSocket: the first byte and the payload of each frame."""
    while True:
        first, length = take(raw, 2)
        if length > 125:
            length = int.from_bytes(take(raw, 2 if length == 126 else 8))
        yield first, take(raw, length)


def take(raw, length):
    """So many bytes; raises ConnectionError when the server hangs up before."""
    data = b""
    while len(data) < length:
        more = raw.recv(length - len(data))
        if not more:
            raise ConnectionError("The server has hung up.")
        data += more
    return data
