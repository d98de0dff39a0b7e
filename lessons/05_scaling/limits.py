"""What one client may ask of the server, so that others are served as before, and no memory fills, on every engine.

Engine.IO checks the length of a WebSocket message only when it is complete, and has no setting for the other limits.
So this extends its classes, and those below: simple-websocket for threading and gevent, and eventlet's WebSocket.
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

MOST_BYTES = 256 * 1024  # that may wait for a client before the server reads from it again
DEEPEST = 20  # lists and objects inside each other


class BadPacket(ValueError):
    """A client sent something that is not a packet, or a packet that it may not send."""


class StrictJSON:
    """JSON as browsers read it: without Python's NaN and Infinity, after which they would disconnect."""

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
    """A text as a number; raises BadPacket for NaN, Infinity and 1e999, which JSON does not have."""
    number = float(text)
    if not math.isfinite(number):
        raise BadPacket("It has a number that is none, or endless.")
    return number


def is_deeper(data, levels):
    """Whether more than so many lists and objects are inside each other."""
    if isinstance(data, dict):
        data = list(data.values())
    if not isinstance(data, list):
        return False
    return levels == 0 or any(is_deeper(inner, levels - 1) for inner in data)


class EnginePacket(engineio.packet.Packet):
    """Engine.IO's packet. It keeps its error for later, since here nobody would catch it."""

    json = StrictJSON
    problem = None

    def decode(self, encoded_packet):
        try:
            super().decode(encoded_packet)
        except ValueError as problem:
            self.packet_type, self.problem = engineio.packet.NOOP, problem


engineio.packet.Packet = EnginePacket


class FairSocket(engineio.socket.Socket):
    """Lets others run between two packets of a client, and reads nothing from a client that does not read itself."""

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
        most = 1000 if self.upgrading else 20  # a client that upgrades cannot read: it waits for its last request
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
        except (KeyError, ValueError) as problem:  # not UTF-8, or too many packets
            self.refuse(problem)
            raise engineio.exceptions.UnknownPacketError from problem

    def refuse(self, problem):
        """End the connection with one line in the log; the library would log a traceback each time, and go on."""
        self.server.logger.error("A client sent what none may send, so its connection is closed: %s", problem)
        self.close(abort=True)
        self.server.sockets.pop(self.sid, None)

    def close(self, wait=True, **how):
        super().close(wait=False, **how)  # else it waits until the client has read all, perhaps without end


engineio.socket.Socket = FairSocket


def weight(packet):
    """About how many bytes a waiting packet has."""
    return len(packet.data) if isinstance(packet.data, str | bytes) else 0


class LimitedPacket(socketio.packet.Packet):
    """Allows at most ten binary attachments in a message, and no event with a name that Socket.IO uses itself."""

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
    """Ends a connection after a bad packet, and answers with an error if an acknowledgement cannot become JSON."""

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
    """Refuses JSONP, which any page could run as a script, and clients whose session has ended; forbids sniffing."""

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
    """Whether a WebSocket handshake has its headers; without them each engine would fail in its own way."""
    connection, key = environ.get("HTTP_CONNECTION", ""), environ.get("HTTP_SEC_WEBSOCKET_KEY")
    return "upgrade" in connection.lower() and bool(key) and environ.get("HTTP_SEC_WEBSOCKET_VERSION") == "13"


socketio.Server = LimitedServer


class WholeSocket:
    """Sends all bytes of a message before the next one; a socket of gevent may send only a part."""

    def __init__(self, sock):
        self.sock, self.lock = sock, threading.Lock()

    def send(self, data):
        with self.lock:
            self.sock.sendall(data)

    def __getattr__(self, name):
        return getattr(self.sock, name)


class LimitedWebSocket(simple_websocket.Server):
    """Refuses a message over `longest` bytes, reads no more while 100 wait, and ends when its client is gone."""

    longest = patience = None  # bytes; and seconds for which a client may be silent or not read

    def __init__(self, environ, **options):
        super().__init__(environ, max_message_size=self.longest, **options)

    def handshake(self):
        self.sock.settimeout(self.patience)
        self.sock = WholeSocket(self.sock)
        self.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)  # no compression: 16 KiB could become 16 MiB
        super().handshake()

    def _handle_events(self):
        time.sleep(0)  # let others run
        self.connected = super()._handle_events()
        if not self.connected:
            self.event.set()  # again: a thread that was woken before `connected` was false would wait without end
            self.end()
        while self.connected and len(self.input_buffer) > 100:
            time.sleep(0.01)
        return self.connected

    def close(self, *reason):
        with contextlib.suppress(OSError):
            super().close(*reason)
        self.end()

    def end(self):
        """Close the connection for reading; else the server would wait for the next request on it."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)


simple_websocket.Server = LimitedWebSocket

if engine.NAME == "eventlet":
    from eventlet import sleep, websocket

    class FairWebSocket(websocket.RFC6455WebSocket):
        """eventlet limits each frame; this limits all frames of a message together."""

        class Message(websocket.RFC6455WebSocket.Message):
            length = 0

            def push(self, data, final=False):
                super().push(data, final)
                self.length += max(len(data), 1)  # empty frames count, too
                if self.length > self.max_frame_length:
                    raise websocket.FailedConnectionError(1009, "The message is too long.")

        def _recv_frame(self, message=None):
            sleep(0)  # let others run
            return super()._recv_frame(message)

    websocket.RFC6455WebSocket = FairWebSocket
