"""Given: sends a block of events to a whole room, with one frame for all clients and one write for each.

To send an event to a room, python-socketio encodes it once. For each client, Engine.IO then puts a packet into that
client's queue and wakes the task that empties it, which makes a WebSocket frame of the packet and writes it. With 1,000
clients that is 1,000 queues, wake-ups, frames and system calls for each event, though the bytes are the same for all: a
server does not mask its frames (RFC 6455, section 5.1).

Here a block of events becomes bytes once, and each client's socket gets them in one system call that does not wait.
What a socket does not take at once is written by a task of its own, which keeps the connection's lock until then.

Order holds, because nothing is written past a packet that waits, be it an acknowledgement, a heartbeat or a close. If
a client's queue holds a packet, if its task is writing one, or if the lock is taken, the block goes into the queue too.
The same goes for a client on long polling, one that is just moving up to a WebSocket, one that is closing, one that has
its own compression (RFC 7692), and one whose socket takes nothing now; and for all clients when the log shows each
packet, and in threading mode, where another thread could write between the look and the write.
"""

import contextlib
import logging
import socket
import struct

import engineio.packet
import engineio.socket
import socketio.packet

from . import engine, measure
from .limits import FairSocket


def send_once(server, messages, namespace, room):
    """Send events, as (type, data) pairs, to each client in a room of this process, and keep their order."""
    packets = [packet for message in messages for packet in packets_of(server, message, namespace)]
    frames = b"".join(map(frame, packets))
    direct = engine.NAME != "threading" and not server.eio.logger.isEnabledFor(logging.INFO)
    for _, eio_sid in list(server.manager.get_participants(namespace, room)):
        connection = server.eio.sockets.get(eio_sid)
        if direct and connection and connection.write_now(frames):
            measure.sent += len(packets)
        else:
            for packet in packets:
                server._send_eio_packet(eio_sid, packet)


def packets_of(server, message, namespace):
    """The packets of one event: more than one if there are bytes in it."""
    encoded = server.packet_class(socketio.packet.EVENT, namespace=namespace, data=list(message)).encode()
    parts = encoded if isinstance(encoded, list) else [encoded]
    return [engineio.packet.Packet(engineio.packet.MESSAGE, part) for part in parts]


def frame(packet):
    """A packet as a WebSocket frame (RFC 6455, section 5.2)."""
    encoded = packet.encode()
    first, data = (0x82, encoded) if isinstance(encoded, bytes) else (0x81, encoded.encode())
    if len(data) < 126:
        return struct.pack(">BB", first, len(data)) + data
    if len(data) < 2**16:
        return struct.pack(">BBH", first, 126, len(data)) + data
    return struct.pack(">BBQ", first, 127, len(data)) + data


class DirectSocket(FairSocket):
    """A client's connection to whose WebSocket one may write past the queue, when nothing waits there."""

    websocket, writing = None, False

    def _websocket_handler(self, websocket):
        if self.upgrading:
            return []  # another upgrade of this connection is under way
        self.websocket = websocket
        try:
            return super()._websocket_handler(websocket)
        finally:
            self.websocket = None

    def poll(self):
        self.writing = False
        packets = super().poll()
        self.writing = True  # until this is called again
        return packets

    def write_now(self, frames):
        """Write frames to the client, if nothing is before them; gives whether they are on their way."""
        if not self.websocket or not self.upgraded or self.closing or self.writing or not self.queue.empty():
            return False
        whole, direct, lock = sockets_of(self.websocket)
        if lock is None:
            return False
        if not self.check_ping_timeout():
            return True  # it answered no ping, and is closed now
        if not lock.acquire(blocking=False):
            return False
        try:
            taken = direct.send(frames)
        except OSError:
            taken = 0  # it takes nothing now, or has gone: the queue finds out which
        if 0 < taken < len(frames):
            self.server.start_background_task(self.write_rest, whole, memoryview(frames)[taken:], lock)
        else:
            lock.release()
        return taken > 0

    def write_rest(self, whole, rest, lock):
        """Write what the socket did not take; whatever comes later waits for the lock."""
        size = len(rest)
        self.waiting += size
        with contextlib.suppress(OSError):
            while rest and not self.closed:
                rest = rest[whole.send(rest) :]
        if rest:  # nothing may follow half a frame
            with contextlib.suppress(OSError):
                whole.shutdown(socket.SHUT_RDWR)
        self.waiting -= size
        lock.release()


def sockets_of(websocket):
    """A WebSocket's socket, the one beneath it that never waits, and its lock; None if only the queue may write."""
    if engine.NAME == "gevent":
        wrapped = websocket.ws.sock
        return wrapped.sock, wrapped.sock._sock, wrapped.lock
    if websocket.extensions:
        return None, None, None
    return websocket.socket, websocket.socket.fd, websocket._sendlock


engineio.socket.Socket = DirectSocket
