"""The least that Python can do with the same events, for `bench` to compare: one loop of `send()` over all sockets.

python -m course.floor PORT
"""

import json
import re
import selectors
import socket
import sys

WELCOME = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
QUESTION = {"id": 1, "author": "", "votes": 0, "answered": False, "asked_at": "2026-01-01T00:00:00.000Z"}


def frame(packet):
    """One text frame of WebSocket, for packets of 126 bytes to 64 KiB, or shorter ones."""
    size = len(packet)
    return (bytes([0x81, size]) if size < 126 else b"\x81\x7e" + size.to_bytes(2)) + packet


def serve(port):
    """Answer every `ask` with a frame to each client, and then its acknowledgement."""
    selector, listening, sockets = selectors.DefaultSelector(), socket.create_server(("127.0.0.1", port)), []
    selector.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listening:
                sock, _ = listening.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if sock.recv(65536):
                    sock.sendall(WELCOME + frame(b'40/board,{"sid":""}'))
                    sockets.append(sock)
                    selector.register(sock, selectors.EVENT_READ)
                continue
            asked = key.fileobj.recv(65536)
            if not asked:
                return  # the crowd has gone
            for text in re.findall(rb'"text": "([^"]+)"', asked):
                event = ["question_asked", {"seq": 1, "question": {**QUESTION, "text": text.decode()}}]
                told = frame(b"42/board," + json.dumps(event, separators=(",", ":")).encode())
                for sock in sockets:
                    sock.send(told)
                key.fileobj.send(frame(b"43/board,0[{}]"))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
