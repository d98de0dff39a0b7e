"""A tap stands between two parts: it hands on every byte at once, as it came, and only then tells what went by."""

import asyncio
import contextlib
import socket
import struct
import threading
import time

SILENT = 40  # seconds without a byte: longer than two heartbeats
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the other end, too, learns that its connection was reset


class Taps:
    """A thread in which taps work. `read(kind, lanes)` makes a reader for each connection: see readers.py."""

    def __init__(self, read):
        self.read, self.loop, self.servers = read, asyncio.new_event_loop(), []
        self.ends, self.since = set(), time.monotonic()

    def __enter__(self):
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self.close(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()

    async def close(self):
        """End the taps, and what is connected through them."""
        for server in self.servers:
            server.close()
        for end in list(self.ends):
            end.transport.abort()
        await asyncio.sleep(0.01)  # until they are gone

    def tap(self, kind, lanes, target, port=0, host="127.0.0.1", there="127.0.0.1"):
        """Listen at a port, a free one unless told, and hand on all to port `target` of a host; gives the port.

        `kind` is what is spoken there, http or redis; `lanes` are who connects (None: a browser) and the target.
        """
        ends = self.loop.create_server(lambda: Connection(self, kind, lanes, (there, target)).client, host, port)
        server = asyncio.run_coroutine_threadsafe(ends, self.loop).result(5)
        self.servers.append(server)
        return server.sockets[0].getsockname()[1]


class Connection:
    """One connection through a tap, with its two ends."""

    def __init__(self, taps, kind, lanes, target):
        self.taps, self.target = taps, target
        self.client, self.server = End(self), End(self)
        self.client.other, self.server.other = self.server, self.client
        self.reader = taps.read(kind, lanes)
        self.ended, self.over = None, False  # the end that was the first to say no more, and whether both have
        self.silence = taps.loop.call_later(SILENT, self.tell, "silent", SILENT)

    async def reach(self):
        """Connect to the target; what the client has sent waits until then."""
        try:
            await self.taps.loop.create_connection(lambda: self.server, *self.target)
        except OSError as error:
            self.tell("refused", "nobody listens there" if isinstance(error, ConnectionRefusedError) else str(error))
            self.client.reset()
        else:
            self.client.transport.resume_reading()

    def spoke(self):
        """Something went by: the next silence begins."""
        self.silence.cancel()
        self.silence = self.taps.loop.call_later(SILENT, self.tell, "silent", SILENT)

    def tell(self, what, *more):
        """Let the reader know, once what is under way has been handed on: whatever it meets, it holds up nothing."""
        self.taps.loop.call_soon(self.read, what, time.monotonic() - self.taps.since, *more)

    def read(self, what, at, *more):
        with contextlib.suppress(Exception):  # a reader says by itself what it cannot read: see readers.py
            getattr(self.reader, what)(at, *more)


class End(asyncio.Protocol):
    """One end of a connection."""

    transport = None

    def __init__(self, connection):
        self.connection = connection

    @property
    def is_client(self):
        return self is self.connection.client

    def connection_made(self, transport):
        self.transport = transport
        self.connection.taps.ends.add(self)
        if self.is_client:
            transport.pause_reading()
            self.reaching = asyncio.ensure_future(self.connection.reach())
            self.connection.tell("opened")

    def data_received(self, data):
        self.other.transport.write(data)
        self.connection.tell("heard", self.is_client, data)
        self.connection.spoke()

    def eof_received(self):
        if self.connection.ended is self.other:
            return False  # both have said all
        self.connection.ended = self
        with contextlib.suppress(OSError, RuntimeError):
            self.other.transport.write_eof()
        return True  # the other may still have something to say

    def connection_lost(self, error):
        self.connection.taps.ends.discard(self)
        if self.other.transport and not self.other.transport.is_closing():
            self.other.reset() if error else self.other.transport.close()
        if not self.connection.over:
            self.connection.over = True
            self.connection.silence.cancel()
            first = self.connection.ended or self
            self.connection.tell("closed", first.is_client, bool(error))

    def pause_writing(self):
        self.other.transport.pause_reading()

    def resume_writing(self):
        self.other.transport.resume_reading()

    def reset(self):
        raw = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()
