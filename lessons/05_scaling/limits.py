"""What one client may ask of the server: so much that others are served as ever, and no memory fills, on every engine.

Engine.IO looks at the length of a WebSocket message only when it is complete, and has no setting for the rest. So this
reaches into its parts and what is below them: simple-websocket for threading and gevent, and eventlet's own WebSocket.
"""

import contextlib
import json
import math
import socket
import threading
import time
import urllib.parse

import engineio.packet
import engineio.socket
import simple_websocket
import socketio.packet

from . import engine, measure

MOST_BYTES = 256 * 1024  # that wait for one client until it is listened to again
DEEPEST = 20  # lists and objects in each other


class BadPacket(ValueError):
    """What a client sent is no packet, or none that it may send."""


class StrictJSON:
    """JSON as browsers read it. Python's own also has NaN and Infinity, over which they would disconnect."""

    @staticmethod
    def dumps(data, **how):
        return json.dumps(data, allow_nan=False, **how)

    @staticmethod
    def loads(text):
        try:
            return engineio.json.loads(text, parse_constant=finite, parse_float=finite)
        except RecursionError:
            raise BadPacket("It is nested too deep.") from None


def finite(text):
    """The number that a text says; raises BadPacket for NaN, Infinity and 1e999, which JSON cannot say."""
    number = float(text)
    if not math.isfinite(number):
        raise BadPacket("It has a number that is none, or endless.")
    return number


def is_deeper(data, levels):
    """Whether more than so many lists and objects stand in each other."""
    if isinstance(data, dict):
        data = list(data.values())
    if not isinstance(data, list):
        return False
    return levels == 0 or any(is_deeper(inner, levels - 1) for inner in data)


class EnginePacket(engineio.packet.Packet):
    """Engine.IO's packet, around that of Socket.IO. It keeps the problem it has, since nobody would catch it."""

    json = StrictJSON
    problem = None

    def decode(self, encoded_packet):
        try:
            super().decode(encoded_packet)
        except ValueError as problem:
            self.packet_type, self.problem = engineio.packet.NOOP, problem


engineio.packet.Packet = EnginePacket


class FairSocket(engineio.socket.Socket):
    """Gives the others a turn between two packets of a client, and does not listen to one that does not read."""

    waiting = 0  # bytes

    def send(self, packet):
        self.waiting += weight(packet)
        measure.count_packet()
        super().send(packet)

    def poll(self):
        packets = super().poll()
        self.waiting -= sum(map(weight, packets))
        return packets

    def receive(self, packet):
        self.server.sleep(0)
        most = 1000 if self.upgrading else 20  # while it upgrades, a client cannot read: it waits for its last request
        while (self.queue.qsize() > most or self.waiting > MOST_BYTES) and not self.closed:
            self.server.sleep(0.05)
        if self.closed:
            raise engineio.exceptions.SocketIsClosedError
        if packet.problem:
            return self.refuse(packet.problem)
        super().receive(packet)

    def handle_post_request(self, environ):
        try:
            super().handle_post_request(environ)
        except (KeyError, ValueError) as problem:  # no UTF-8, too many packets
            self.refuse(problem)
            raise engineio.exceptions.UnknownPacketError from problem

    def refuse(self, problem):
        """End the connection: one line in the log, where the library would write a traceback each time and go on."""
        self.server.logger.error("A client sent what none may send, so its connection is closed: %s", problem)
        self.close(abort=True)
        self.server.sockets.pop(self.sid, None)

    def close(self, wait=True, **how):
        super().close(wait=False, **how)  # it would wait until the client has read all, perhaps for ever


engineio.socket.Socket = FairSocket


def weight(packet):
    """The bytes of a packet that waits to be sent, or about so many."""
    return len(packet.data) if isinstance(packet.data, str | bytes) else 0


class LimitedPacket(socketio.packet.Packet):
    """Has ten messages with bytes at the most, where any number could be announced, and no event of Socket.IO's own."""

    json = StrictJSON

    def decode(self, encoded_packet):
        attachments = super().decode(encoded_packet)
        if is_deeper(self.data, DEEPEST):
            raise BadPacket("It is nested too deep.")
        binary = self.packet_type in {socketio.packet.BINARY_EVENT, socketio.packet.BINARY_ACK}
        if not 0 <= attachments <= 10 or binary != (attachments > 0):
            raise BadPacket("It announces bytes that it may not have.")
        if self.packet_type in {socketio.packet.EVENT, socketio.packet.BINARY_EVENT}:
            named = isinstance(self.data, list) and self.data and isinstance(self.data[0], str)
            if not named or self.data[0] in {"connect", "disconnect"}:
                raise BadPacket("A client may not send this event.")
        acknowledges = self.packet_type in {socketio.packet.ACK, socketio.packet.BINARY_ACK}
        if acknowledges and not isinstance(self.data, list):
            raise BadPacket("It acknowledges without a list.")
        return attachments

    def add_attachment(self, attachment):
        try:
            return super().add_attachment(attachment)
        except (IndexError, TypeError) as problem:
            raise BadPacket("It has no such bytes.") from problem


class LimitedServer(socketio.Server):
    """Ends a connection over what is no packet, and answers with an error if an acknowledgement cannot become JSON."""

    def _engineio_server_class(self):
        return PlainEngine

    def _handle_eio_message(self, eio_sid, data):
        kind = bytes if eio_sid in self._binary_packet else str
        try:
            if not isinstance(data, kind) or data == "":
                raise BadPacket("It is empty, or bytes and text have changed places.")
            super()._handle_eio_message(eio_sid, data)
        except ValueError as problem:
            self.eio.sockets[eio_sid].refuse(problem)

    def _handle_event_internal(self, server, sid, eio_sid, data, namespace, id):
        try:
            super()._handle_event_internal(server, sid, eio_sid, data, namespace, id)
        except (TypeError, ValueError):
            self.logger.exception("The event %s failed: JSON cannot say its acknowledgement.", data[0])
            sorry = [{"error": "Something went wrong here; the server's log has the details."}]
            self._send_packet(eio_sid, LimitedPacket(socketio.packet.ACK, sorry, namespace, id))


class PlainEngine(engineio.Server):
    """Answers no JSONP, which each page may run as a script, and nobody whose session has ended; nor is it sniffed."""

    def _log_error_once(self, message, message_key):
        super()._log_error_once(engine.for_the_log(message), message_key)

    def handle_request(self, environ, start_response):
        def start(status, headers):
            return start_response(status, [*headers, ("X-Content-Type-Options", "nosniff")])

        query = urllib.parse.parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        connection = self.sockets.get(query.get("sid", [""])[0])
        if "j" in query:
            refused = self._bad_request("There is no JSONP here: leave out j.")
        elif connection and connection.closed:
            refused = self._bad_request("This session has ended.")
        elif "HTTP_UPGRADE" in environ and not is_handshake(environ):
            refused = self._bad_request("This is no handshake: RFC 6455, section 4.2.1.")
        else:
            return super().handle_request(environ, start)
        start(refused["status"], refused["headers"])
        return [refused["response"]]


def is_handshake(environ):
    """Whether a request to become a WebSocket has the headers without which each engine fails in its own way."""
    connection, key = environ.get("HTTP_CONNECTION", ""), environ.get("HTTP_SEC_WEBSOCKET_KEY")
    return "upgrade" in connection.lower() and bool(key) and environ.get("HTTP_SEC_WEBSOCKET_VERSION") == "13"


socketio.Server = LimitedServer


class WholeSocket:
    """Sends all that it is given, and nothing between; gevent's sockets may send a part."""

    def __init__(self, sock):
        self.sock, self.lock = sock, threading.Lock()

    def send(self, data):
        with self.lock:
            self.sock.sendall(data)

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
        self.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)  # compressed: 16 KiB may become 16 MiB, unmeasured
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
