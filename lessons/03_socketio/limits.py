"""What one client may ask of the server: so much that others are served as ever, and no memory fills, on every engine.

Engine.IO looks at the length of a WebSocket message only when it is complete, and has no setting for the rest. So this
reaches into its parts and what is below them: simple-websocket for threading and gevent, and eventlet's own WebSocket.
"""

import contextlib
import socket
import time

import engineio.payload
import engineio.socket
import simple_websocket
import socketio.packet

from . import engine

engineio.payload.Payload.max_decode_packets = 1000  # in one polling request; of more than 16, all would be dropped


class FairSocket(engineio.socket.Socket):
    """Gives the others a turn between two packets of a client, and does not listen to one that does not read."""

    def receive(self, packet):
        self.server.sleep(0)
        while self.queue.qsize() > (1000 if self.upgrading else 20) and not self.closed:
            self.server.sleep(0.05)  # while it upgrades, a client cannot read: it waits for its last request
        super().receive(packet)

    def close(self, wait=True, **how):
        super().close(wait=False, **how)  # it would wait until the client has read all, perhaps for ever


engineio.socket.Socket = FairSocket


class LimitedPacket(socketio.packet.Packet):
    """Has ten messages with bytes at the most, where any number could be announced, and no event of Socket.IO's own."""

    def decode(self, encoded_packet):
        attachments = super().decode(encoded_packet)
        named = self.packet_type in {socketio.packet.EVENT, socketio.packet.BINARY_EVENT}
        if named and (not self.data or self.data[0] in {"connect", "disconnect"}):
            raise ValueError("A client may not send this event.")
        return attachments

    def add_attachment(self, attachment):
        return len(self.attachments) < 10 and super().add_attachment(attachment)  # the 11th and all after are dropped


class WholeSocket:
    """Sends all that it is given, where gevent's sockets may send a part."""

    def __init__(self, sock):
        self.sock, self.send = sock, sock.sendall

    def __getattr__(self, name):
        return getattr(self.sock, name)


class LimitedWebSocket(simple_websocket.Server):
    """Refuses a message over `longest` bytes, reads no more while 100 wait to be handled, and ends with its client."""

    longest = patience = None  # bytes, and seconds for which a client may be silent or not read

    def __init__(self, environ, **options):
        super().__init__(environ, max_message_size=self.longest, **options)

    def handshake(self):
        self.sock.settimeout(self.patience)
        self.sock = WholeSocket(self.sock)
        super().handshake()

    def _handle_events(self):
        time.sleep(0)  # a turn for the others
        self.connected = super()._handle_events()
        if not self.connected:
            self.event.set()  # again: who was woken before `connected` was false would wait for ever
            self.end()
        while self.connected and len(self.input_buffer) > 100:
            time.sleep(0.01)
        return self.connected

    def close(self, *reason):
        with contextlib.suppress(OSError):
            super().close(*reason)
        self.end()

    def end(self):
        """Say that no more is coming; else the server would wait for the next request on this connection."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)


simple_websocket.Server = LimitedWebSocket

if engine.NAME == "eventlet":
    from eventlet import sleep, websocket

    class FairWebSocket(websocket.RFC6455WebSocket):
        """eventlet measures each frame; here all frames of a message together may be no longer than one."""

        class Message(websocket.RFC6455WebSocket.Message):
            length = 0

            def push(self, data, final=False):
                super().push(data, final)
                self.length += max(len(data), 1)  # of empty ones there is an end too
                if self.length > self.max_frame_length:
                    raise websocket.FailedConnectionError(1009, "The message is too long.")

        def _recv_frame(self, message=None):
            sleep(0)  # a turn for the others
            return super()._recv_frame(message)

    websocket.RFC6455WebSocket = FairWebSocket
