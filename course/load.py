"""A crowd of Socket.IO clients, each no more than a socket: one thread is a lecture hall, for `bench` and `swarm`.

They speak Engine.IO 4 and Socket.IO 5 over WebSocket (RFC 6455), only as much as is needed to be a client of a lesson.
As a process of its own, `python -m course.load`, it takes orders for `bench`: see `obey`.
"""

import base64
import json
import os
import re
import selectors
import socket
import statistics
import sys
import time
import zlib
from urllib.parse import urlsplit

MASK = b"\0\0\0\0"  # a client must mask what it sends; by zeros, that changes nothing
PACKED = 0x40  # the bit of a frame that permessage-deflate has compressed (RFC 7692)


class Client:
    """One client of one namespace. What it hears, it gives to `hear(client, packet)`, as bytes without their frame.

    Raises OSError when there is no such server, or it refuses; sockets that have ended raise it from `read` and `emit`.
    """

    def __init__(self, url, namespace="/board", hear=None, headers=(), patience=20):
        parts = urlsplit(url)
        self.hear, self.buffer, self.unpack = hear, bytearray(), zlib.decompressobj(-zlib.MAX_WBITS).decompress
        self.prefix = namespace.encode() + b","
        self.sock = socket.create_connection((parts.hostname, parts.port or 80), timeout=patience)
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.shake_hands(parts.netloc, headers)
            self.sock.setblocking(False)
        except OSError:
            self.sock.close()
            raise

    def shake_hands(self, host, headers):
        lines = [
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *headers,
        ]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.split(b"\r\n")[0].decode())
        self.buffer = rest
        self.send(b"40" + self.prefix)
        while not (found := [packet for packet in self.packets() if packet.startswith((b"40", b"44"))]):
            self.more()
        if found[0].startswith(b"44"):
            raise ConnectionError(found[0].decode())

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("The server closed the connection.")
        self.buffer += data

    def send(self, packet):
        """Send a packet of Engine.IO as one text frame."""
        size = len(packet)
        length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2)
        self.sock.sendall(b"\x81" + length + MASK + packet)

    def emit(self, type, data):
        """Send an event, and ask for its acknowledgement: a packet that begins with `43`."""
        self.send(b"42" + self.prefix + b"0" + json.dumps([type, data]).encode())

    def packets(self):
        """The packets that have come whole; a ping is answered, and given to nobody."""
        buffer, start = self.buffer, 0
        while len(buffer) >= start + 2:
            first, size, body = buffer[start], buffer[start + 1], start + 2
            if size > 125:
                body += 2 if size == 126 else 8
                size = int.from_bytes(buffer[start + 2 : body])
            if len(buffer) < body + size:
                break
            start = body + size
            packet = buffer[body:start]
            if first & PACKED:
                packet = self.unpack(packet + b"\0\0\xff\xff")
            if first & 0x0F == 8:
                raise ConnectionError("The server closed the WebSocket.")
            if packet == b"2":
                self.send(b"3")
            else:
                yield packet
        del buffer[:start]

    def read(self):
        """Hear the events and acknowledgements that have come; raises OSError when the connection is gone."""
        self.more()
        for packet in self.packets():
            if packet.startswith((b"42", b"43")):
                self.hear(self, packet)


class Crowd:
    """Clients that are read together, until they are closed. Who is lost is given to `lose(client)`."""

    def __init__(self, lose=lambda client: None):
        self.selector, self.clients, self.lose = selectors.DefaultSelector(), [], lose

    def add(self, client):
        self.clients.append(client)
        self.selector.register(client.sock, selectors.EVENT_READ, client)
        return client

    def remove(self, client):
        self.selector.unregister(client.sock)
        self.clients.remove(client)
        client.sock.close()

    def read(self, seconds=0):
        """Read what comes for so many seconds, or what is there if 0."""
        end = time.monotonic() + seconds
        while True:
            for key, _ in self.selector.select(max(0, min(end - time.monotonic(), 0.05))):
                try:
                    key.data.read()
                except BlockingIOError:
                    pass
                except OSError:
                    self.remove(key.data)
                    self.lose(key.data)
            if time.monotonic() >= end:
                return


class Hall:
    """The crowd of one server, as `bench` orders it about. Each order gives a dict; times are in seconds."""

    def __init__(self):
        self.crowd, self.lost, self.refused = Crowd(self.lose), 0, 0
        self.heard, self.delays, self.busy = 0, [], False

    def lose(self, client):
        self.lost += 1

    def hear(self, client, packet):
        if packet.startswith(b'42/board,["question_asked"'):
            self.heard += 1
            if not self.busy:
                self.delays.append(time.monotonic() - float(re.search(rb"asked at (\d+\.\d+)", packet)[1]))
        elif packet.startswith(b"43"):
            self.refused += b'"error"' in packet
            if self.busy:
                self.ask(client)

    def ask(self, client):
        now = time.monotonic()
        client.emit("ask", {"text": f"What is a preflight? (asked at {now:.6f})", "key": f"{now:.9f}"})

    def join(self, url, count, compressed):
        """So many more come, one after the other."""
        headers = ["Sec-WebSocket-Extensions: permessage-deflate"] if compressed else []
        begun = time.monotonic()
        for _ in range(count):
            self.crowd.add(Client(url, hear=self.hear, headers=headers))
            self.crowd.read()
        seconds = time.monotonic() - begun
        self.rest()
        return {"seconds": seconds}

    def steady(self, rate, seconds):
        """Questions at a steady rate, each time by another; how long it takes from `ask` to each who hears of it."""
        self.heard, self.delays = 0, []
        begun, asks = time.monotonic(), int(rate * seconds)
        for number in range(asks):
            self.crowd.read(max(0, begun + number / rate - time.monotonic()))
            self.ask(self.crowd.clients[number % len(self.crowd.clients)])
        expected, end = asks * len(self.crowd.clients), time.monotonic() + 5
        while self.heard < expected and time.monotonic() < end:
            self.crowd.read(0.05)
        delays = statistics.quantiles(self.delays, n=100, method="inclusive")
        return {"median": delays[49], "p99": delays[98], "missing": expected - self.heard}

    def press(self, askers, seconds):
        """So many ask as fast as acknowledgements allow, until they are to rest; how many events all together hear."""
        if not self.busy:
            self.busy = True
            for client in self.crowd.clients[:askers]:
                self.ask(client)
        self.heard, begun, worked = 0, time.monotonic(), time.process_time()
        self.crowd.read(seconds)
        seconds = time.monotonic() - begun
        return {"frames": self.heard, "seconds": seconds, "cpu": (time.process_time() - worked) / seconds}

    def rest(self):
        """Nobody asks, until all is heard."""
        self.busy, end = False, time.monotonic() + 15
        heard = None
        while heard != self.heard and time.monotonic() < end:
            heard = self.heard
            self.crowd.read(0.5)
        return {"lost": self.lost, "refused": self.refused}


def obey():
    """Do what is asked for, line by line as JSON, [order, …], until there are no more; the answers are JSON too."""
    hall = Hall()
    for line in sys.stdin:
        order, *how = json.loads(line)
        print(json.dumps(getattr(hall, order)(*how)), flush=True)


if __name__ == "__main__":
    obey()
