"""Readers make messages of bytes: HTTP with its event streams, WebSocket with Engine.IO and Socket.IO, and Redis.

The formats are read by h11, wsproto, python-engineio and python-socketio. What a reader cannot read it shows as bytes.
"""

import contextlib
import json
from http import HTTPStatus
from urllib.parse import urlsplit

import h11
from engineio.packet import Packet as EnginePacket
from engineio.packet import packet_names
from engineio.payload import Payload
from socketio.packet import Packet as SocketPacket
from wsproto import ConnectionType, events
from wsproto.connection import Connection as WebSocketConnection
from wsproto.extensions import PerMessageDeflate

from .cors import verdict, why_hidden

LONGEST = 64 * 1024  # bytes of a message that are kept
MOST = 4 * 2**20  # bytes that may wait for the rest of their message
ENGINE = [name.lower() for name in packet_names]  # open, close, ping, pong, message, upgrade, noop
SOCKET = ["connect", "disconnect", "event", "ack", "refused", "event", "ack"]


class Reader:
    """What the readers share: `write(at, from_client, kind, title, data, **more)` writes a message into the story."""

    def __init__(self, write):
        self.write, self.failed = write, False

    def opened(self, at):
        pass

    def refused(self, at, why):
        self.write(at, False, "connection", f"refused: {why}")

    def closed(self, at, by_client, reset):
        title = f"connection {'reset' if reset else 'closed'}"
        during = f", during {self.under_way}" if self.under_way else ""
        self.write(at, by_client, "connection", title + during, quiet=not (reset or during))

    def silent(self, at, seconds):
        if self.under_way:
            self.write(at, False, "connection", f"silent for {seconds:g} s, during {self.under_way}", bad=True)

    @property
    def under_way(self):
        """What is not over yet, as text."""
        return ""

    def heard(self, at, from_client, data):
        """Read what came from one side. After something that cannot be read, the rest is shown as bytes."""
        if not self.failed:
            try:
                return self.feed(at, from_client, data)
            except Exception as error:
                self.failed = True
                self.write(at, from_client, "bytes", f"not understood: {error}", data)
                return
        self.write(at, from_client, "bytes", f"{len(data)} bytes", data)


class Http(Reader):
    """One connection over which HTTP is spoken, one request after the other, until it may become a WebSocket."""

    def __init__(self, write):
        super().__init__(write)
        self.asked, self.request, self.socket, self.stream = [], None, None, None
        self.sides = {True: h11.Connection(h11.SERVER), False: None}
        self.early = b""  # what the server says before its request is whole
        self.raw = {True: b"", False: b""}

    @property
    def under_way(self):
        over = not self.asked or (self.socket and self.socket.over)
        return "" if over else self.asked[0].shown

    def closed(self, at, by_client, reset):
        if self.sides[False] and not self.socket:
            with contextlib.suppress(h11.RemoteProtocolError):  # it broke off
                self.read_answers(at, b"")  # an answer may end like this: RFC 9112, section 6.3
        super().closed(at, by_client, reset)

    def feed(self, at, from_client, data):
        if self.socket:
            return self.socket.feed(at, from_client, data)
        self.raw[from_client] = (self.raw[from_client] + data)[: 2 * LONGEST]
        if from_client:
            self.read_requests(at, data)
        else:
            self.read_answers(at, data)

    def read_requests(self, at, data):
        side = self.sides[True]
        side.receive_data(data)
        while (event := side.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Request):
                self.request = Request(at, event)
            elif isinstance(event, h11.Data):
                self.request.body = (self.request.body + bytes(event.data))[:LONGEST]
            elif isinstance(event, h11.EndOfMessage):
                rest, _ = side.trailing_data
                self.request.raw, self.raw[True] = self.raw[True][: len(self.raw[True]) - len(rest)], rest
                self.asked.append(self.request)
                self.tell_request(self.request)
                side = self.sides[True] = h11.Connection(h11.SERVER)
                if rest:  # nothing would mean that no more is coming
                    side.receive_data(rest)
                if self.early:
                    early, self.early = self.early, b""
                    self.read_answers(at, early)

    def tell_request(self, request):
        if request.is_preflight:
            title = f"preflight: {request.headers['access-control-request-method']} {request.shown}?"
        elif request.headers.get("upgrade", "").lower() == "websocket":
            title = f"WebSocket handshake {request.shown}"
        else:
            title = f"{request.method} {request.shown}"
            if "last-event-id" in request.headers:
                title += f", Last-Event-ID {request.headers['last-event-id']}"
        request.number = self.write(
            request.at,
            True,
            "http",
            title,
            request.raw,
            headers=request.all,
            cookie=request.headers.get("cookie"),
            agent=request.headers.get("user-agent", ""),
        )
        if request.is_polling and request.body:
            read_payload(self.write, request.at, True, request)

    def read_answers(self, at, data):
        if not self.asked:
            self.early = must_end(self.early + data)
            return
        if self.sides[False] is None:
            self.begin_answer()
        side = self.sides[False]
        side.receive_data(data)
        while (event := side.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Response | h11.InformationalResponse):
                if event.status_code == 101:
                    return self.become_a_socket(at, event)
                if event.status_code >= 200:
                    self.begin_body(at, event)
            elif isinstance(event, h11.Data):
                if self.stream:
                    self.stream.feed(at, bytes(event.data))
                else:
                    self.body = (self.body + bytes(event.data))[:LONGEST]
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return self.end_answer(at, side)

    def begin_answer(self):
        request = self.asked[0]
        side = self.sides[False] = h11.Connection(h11.CLIENT)
        side.send(h11.Request(method=request.method, target=request.target, headers=[("Host", "x"), *request.upgrade]))
        side.send(h11.EndOfMessage())

    def begin_body(self, at, event):
        self.answer, self.body = event, b""
        headers = fields(event.headers)
        if headers.get("content-type", "").startswith("text/event-stream"):
            self.tell_answer(at)
            self.stream = EventStream(self.write, self.asked[0].number)

    def end_answer(self, at, side):
        rest, _ = side.trailing_data
        if self.stream:
            self.write(at, False, "stream", "end of the stream", to=self.asked[0].number)
        else:
            self.tell_answer(at)
            if self.asked[0].is_polling and self.asked[0].method == "GET" and self.answer.status_code == 200:
                read_payload(self.write, at, False, self.asked[0], self.body)
        self.asked.pop(0)
        self.sides[False], self.stream, self.raw[False] = None, None, rest
        if rest:
            self.read_answers(at, rest)

    def tell_answer(self, at):
        request, answer = self.asked[0], self.answer
        headers = fields(answer.headers)
        title = f"{answer.status_code} {phrase(answer.status_code)}, {1000 * (at - request.at):.0f} ms"
        refused = ""
        if request.is_preflight:
            refused = verdict(request.headers, answer.status_code, headers)
            title = f"preflight {f'refused: {refused}' if refused else 'allowed'} ({answer.status_code})"
        elif why := why_hidden(request.headers, headers):
            title += f", hidden from the page: {why}"
        how = {
            "to": request.number,
            "headers": answer.headers.raw_items(),
            "bad": bool(refused or answer.status_code >= 400),
        }
        self.write(at, False, "http", title, self.raw[False], set_cookie=headers.get("set-cookie"), **how)
        if refused:
            asks = request.headers["access-control-request-method"]
            self.write(at, True, "absent", f"not sent: {asks} {request.shown}", to=request.number, bad=True)

    def become_a_socket(self, at, event):
        request, rest = self.asked[0], self.sides[False].trailing_data[0]
        headers = fields(event.headers)
        self.write(
            at,
            False,
            "http",
            "101 Switching Protocols",
            self.raw[False],
            to=request.number,
            headers=event.headers.raw_items(),
        )
        self.socket = Socket(self.write, request, headers.get("sec-websocket-extensions", ""))
        waiting = self.sides[True].trailing_data[0]
        for from_client, data in ((True, waiting), (False, rest)):
            if data:
                self.socket.feed(at, from_client, data)


class Request:
    """A request that was read."""

    number = None

    def __init__(self, at, event):
        self.at, self.body, self.all = at, b"", event.headers.raw_items()
        self.method, self.target = event.method.decode(), event.target.decode()
        self.headers = fields(event.headers)
        self.path = urlsplit(self.target).path
        self.is_preflight = self.method == "OPTIONS" and "access-control-request-method" in self.headers
        self.is_polling = self.path.startswith("/socket.io/") and "transport=polling" in self.target
        self.upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")] if "upgrade" in self.headers else []

    @property
    def shown(self):
        """Its address without what Engine.IO's clients add to it."""
        return (
            f"{self.path} ({self.target.partition('transport=')[2].partition('&')[0]})"
            if self.path.startswith("/socket.io/")
            else self.target
        )


class EventStream:
    """The body of an event stream, as https://html.spec.whatwg.org/multipage/server-sent-events.html reads it."""

    def __init__(self, write, request):
        self.write, self.request, self.text, self.lines = write, request, b"", []

    def feed(self, at, data):
        *lines, self.text = must_end(self.text + data).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if line:
                self.lines.append(line)
            elif self.lines:
                self.tell(at)

    def tell(self, at):
        data = b"\n".join(self.lines)
        found = [line.decode(errors="replace").partition(":")[::2] for line in self.lines]
        last = {name: value.removeprefix(" ") for name, value in found}
        self.lines = []
        if "data" in last:
            number = f" {last['id']}" if "id" in last else ""
            title = f"event {last.get('event', 'message')}{number}"
        else:
            title = ", ".join(f"{name} {last[name]}" if name else "comment" for name in last)
        more = {"to": self.request, "quiet": "" in last, "keys": keys_of(last.get("data", ""))}
        self.write(at, False, "stream", title, data + b"\n\n", **more)


class Socket:
    """A WebSocket, and Socket.IO in it where that is what it is for."""

    def __init__(self, write, request, extensions):
        self.write, self.request, self.over = write, request, False
        offers = {True: [], False: []}
        if "permessage-deflate" in extensions:
            page, server = PerMessageDeflate(), PerMessageDeflate()
            page.accept(request.headers["sec-websocket-extensions"])
            server.finalize(extensions)
            offers = {True: [page], False: [server]}
        self.sides = {
            True: WebSocketConnection(ConnectionType.SERVER, offers[True]),
            False: WebSocketConnection(ConnectionType.CLIENT, offers[False]),
        }
        self.parts, self.packets = {True: [], False: []}, Packets(write, request.number)

    def feed(self, at, from_client, data):
        self.sides[from_client].receive_data(data)
        for event in self.sides[from_client].events():
            if isinstance(event, events.TextMessage | events.BytesMessage):
                self.parts[from_client].append(event.data)
                must_end(self.parts[from_client][0][:0].join(self.parts[from_client]))
                if event.message_finished:
                    parts, self.parts[from_client] = self.parts[from_client], []
                    self.tell(at, from_client, parts[0][:0].join(parts))
            elif isinstance(event, events.Ping | events.Pong):
                name = "ping" if isinstance(event, events.Ping) else "pong"
                self.write(at, from_client, "socket", f"WebSocket {name}", bytes(event.payload), quiet=True)
            elif isinstance(event, events.CloseConnection):
                self.over = True
                title = f"WebSocket close {int(event.code)} {event.reason or ''}".rstrip()
                self.write(at, from_client, "socket", title, to=self.request.number)

    def tell(self, at, from_client, message):
        if self.request.path.startswith("/socket.io/"):
            self.packets.tell(at, from_client, message)
        else:
            data = message.encode() if isinstance(message, str) else bytes(message)
            self.write(at, from_client, "socket", f"message, {len(data)} bytes", data, to=self.request.number)


class Packets:
    """The packets of Engine.IO, and those of Socket.IO in them, with what is binary joined to its packet."""

    def __init__(self, write, request):
        self.write, self.request, self.waiting = write, request, {True: None, False: None}

    def tell(self, at, from_client, message):
        data = message.encode() if isinstance(message, str) else bytes(message)
        if not isinstance(message, str):
            return self.attach(at, from_client, data)
        packet = EnginePacket(encoded_packet=message)
        name = ENGINE[packet.packet_type]
        if name == "message":
            return self.tell_message(at, from_client, packet.data, data)
        probe = " probe" if packet.data == "probe" else ""
        quiet = name in {"ping", "pong", "noop"} and not probe
        self.write(at, from_client, "socket", f"{name}{probe}", data, quiet=quiet, to=self.request)

    def tell_message(self, at, from_client, text, data):
        packet = SocketPacket(encoded_packet=text)
        if packet.attachment_count:
            self.waiting[from_client] = packet, data
        else:
            self.tell_packet(at, from_client, packet, data)

    def attach(self, at, from_client, data):
        packet, before = self.waiting[from_client]
        self.waiting[from_client] = packet, before + b"\n" + data
        if packet.add_attachment(data):
            self.waiting[from_client] = None
            self.tell_packet(at, from_client, packet, before + b"\n" + data)

    def tell_packet(self, at, from_client, packet, data):
        name = SOCKET[packet.packet_type]
        number = "" if packet.id is None else f" #{packet.id}"
        space, keys = packet.namespace or "/", []
        if name == "event":
            title = f"event {packet.data[0]}{number}"
            keys = keys_of(packet.data[1] if len(packet.data) > 1 else None)
        elif name == "ack":
            title = f"ack{number}"
            keys = keys_of(packet.data[0] if packet.data else None)
        else:
            title = f"{'connected' if name == 'connect' and not from_client else name}"
            if name == "refused":
                title += f": {(packet.data or {}).get('message', '')}" if isinstance(packet.data, dict) else ""
        if number:
            keys = [*keys, f"ack {id(self)} {packet.namespace} {packet.id} {from_client == (name == 'event')}"]
        shown = title if space == "/" else f"{title} {space}"
        is_beat = title.startswith("event heartbeat")
        how = {"keys": keys, "quiet": is_beat, "bad": name == "refused", "to": self.request}
        self.write(at, from_client, "socket", shown, data, **how)


def read_payload(write, at, from_client, request, body=None):
    """The packets in a request or an answer of long polling."""
    payload = Payload(encoded_payload=(request.body if body is None else body).decode())
    packets = Packets(write, request.number)
    for packet in payload.packets:
        encoded = packet.encode(b64=True) if not packet.binary else bytes(packet.data)
        packets.tell(at, from_client, encoded)


class Redis(Reader):
    """One connection to Redis: https://redis.io/docs/latest/develop/reference/protocol-spec/"""

    def __init__(self, write):
        super().__init__(write)
        self.rest = {True: b"", False: b""}
        self.asked, self.lately = [], {}  # when each command was last given: what comes again and again is quiet

    def feed(self, at, from_client, data):
        self.rest[from_client] = must_end(self.rest[from_client] + data)
        while (found := value_in(self.rest[from_client])) is not None:
            value, end = found
            part, self.rest[from_client] = self.rest[from_client][:end], self.rest[from_client][end:]
            if from_client:
                self.tell_command(at, [text_of(each) for each in value], part)
            else:
                self.tell_answer(at, value, part)

    def tell_command(self, at, words, data):
        name = words[0].upper()
        title = " ".join([name, *words[1:3]])
        keys = [f"news {words[2]}"] if name == "PUBLISH" else []
        title = name if name in {"AUTH", "HELLO"} else title
        again = name != "PUBLISH" and at - self.lately.get(title[:40], -9) < 2
        self.lately[title[:40]] = at
        quiet = again or name in {"PING", "CLIENT", "HELLO"}
        number = self.write(at, True, "redis", title[:80], data, quiet=quiet, keys=keys)
        self.asked.append((number, quiet, " heard it" if name == "PUBLISH" else ""))

    def tell_answer(self, at, value, data):
        if isinstance(value, list) and value and text_of(value[0]) in {"message", "pmessage"}:
            words = [text_of(each) for each in value]
            self.write(at, False, "redis", " ".join(words)[:80], data, keys=[f"news {words[-1]}"])
            return
        number, quiet, what = self.asked.pop(0) if self.asked else (None, False, "")
        shown = f"{len(value)} values" if isinstance(value, list) else text_of(value) + what
        self.write(at, False, "redis", f"→ {shown}"[:80], data, to=number, quiet=quiet, bad=shown.startswith("ERR"))


def value_in(data, start=0):
    """The first value in some bytes of RESP, and where it ends; None as long as it is not whole."""
    end = data.find(b"\r\n", start)
    if end < 0:
        return None
    kind, head, after = data[start : start + 1], data[start + 1 : end], end + 2
    if kind in b"+-:,#(_":
        return (int(head) if kind == b":" else head), after
    if kind in b"$=!":
        length = int(head)
        if length < 0:
            return b"nil", after
        return (data[after : after + length], after + length + 2) if len(data) >= after + length + 2 else None
    if kind not in b"*>~%":
        raise ValueError(f"no RESP: {data[start : start + 20]!r}")
    values = []
    for _ in range(max(int(head), 0) * (2 if kind == b"%" else 1)):
        found = value_in(data, after)
        if found is None:
            return None
        value, after = found
        values.append(value)
    return values, after


def must_end(data):
    """The same data; raises ValueError if it waits for an end that does not come."""
    if len(data) > MOST:
        raise ValueError(f"over {MOST} bytes without an end")
    return data


def text_of(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def fields(headers):
    """Headers as a dict of text, names in small letters; of two with one name both, with a comma."""
    found = {}
    for name, value in headers:
        name, value = name.decode(), value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def phrase(status):
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def keys_of(data):
    """What says which messages belong together: the number of an event in its room, and a question's id and key."""
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            return []
    if not isinstance(data, dict):
        return []
    found = []
    question = data.get("question") if isinstance(data.get("question"), dict) else {}
    if "id" in data or "id" in question:
        found.append(f"question {question.get('id', data.get('id'))}")
    if "seq" in data and len(data) > 1:
        found.append(f"seq {data.get('room', 'lobby')} {data['seq']}")
    if "key" in data:
        found.append(f"key {data['key']}")
    if "job" in data:
        found.append(f"job {data['job']}")
    return found


READERS = {"http": Http, "redis": Redis}
