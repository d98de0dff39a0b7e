"""Socket.IO clients that know nothing of Flask: python-socketio's, and the browser's own, which npm has for Node.js."""

import contextlib
import functools
import itertools
import json
import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import engineio.packet
import engineio.payload
import pytest
import socketio
from socketio.exceptions import ConnectionError

from .. import services
from ..processes import at_once, bound, wait_for

engineio.payload.Payload.max_decode_packets = 1000  # a burst of events may come in one answer by polling
NODE_CLIENT = Path(__file__).with_name("client.mjs")


@dataclass
class Heard:
    """An event as it arrived, with its arguments."""

    type: str
    arguments: tuple
    namespace: str

    @property
    def data(self):
        return self.arguments[0]


class Socket:
    """What both clients have in common: `heard` keeps every event; `next` and `take` wait for those of some types."""

    def __init__(self):
        self.heard, self.coming = [], queue.Queue()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()

    def hear(self, event):
        self.heard.append(event)
        self.coming.put(event)

    def next(self, *types, within=2):
        """The next event of these types; others before it are passed over. Fails when none comes in so many seconds."""
        return self.take(1, *types, within=within)[0]

    def next_until(self, end, types):
        """The next event of these types, or None if there is none until then."""
        while True:
            try:
                event = self.coming.get(timeout=max(end - time.monotonic(), 0.001))
            except queue.Empty:
                return None
            if event.type in types:
                return event

    def take(self, count, *types, within=2):
        """The next so many events of these types, all of them within so many seconds."""
        within = bound(within)
        end, events = time.monotonic() + within, []
        while len(events) < count:
            event = self.next_until(end, types)
            instead = f"{len(events)} of {count}" if events else "no"
            assert event, f"{instead} {' or '.join(types)} came within {within:.3g} s"
            events.append(event)
        return events

    def becomes(self, transport, within=5):
        """Whether the connection runs over this transport before so many seconds are over."""
        return wait_for(within, lambda: self.transport == transport)

    def comes_back(self, before, within=5):
        """Whether it has another connection than the one with the id `before`, before so many seconds are over."""
        return wait_for(within, lambda: self.is_connected and self.sid() not in (None, before))

    def ends(self, within=5):
        """Whether the connection ends, from the other side, before so many seconds are over."""
        return wait_for(within, lambda: not self.is_connected)

    def silent(self, *types, seconds=0.5):
        """Whether no event of these types comes for so many seconds."""
        return not self.next_until(time.monotonic() + seconds, types)


class OneByOne(engineio.Client):
    """Hears messages in the order in which they come; python-socketio would start a thread for each."""

    def _trigger_event(self, event, *arguments, **_):
        return super()._trigger_event(event, *arguments, run_async=False)

    def _send_packet(self, packet):
        if packet.packet_type == engineio.packet.CLOSE and self.current_transport == "polling":
            self._send_request("POST", self.base_url, body=b"1", timeout=2)  # now, or it may be gone before its goodbye
        else:
            super()._send_packet(packet)

    def disconnect(self, *arguments, **options):
        if self.ws:  # some servers answer no goodbye; websocket-client would wait for that 3 s
            self.ws.close = functools.partial(self.ws.close, timeout=0.1)
        super().disconnect(*arguments, **options)

    def _reset(self):
        for connection in filter(None, (self.ws, self.http)):
            connection.close()  # else it stays open until it is collected, and Python complains
        super()._reset()


class Client(socketio.Client):
    def _engineio_client_class(self):
        return OneByOne


class PythonSocket(Socket):
    """python-socketio's client."""

    def __init__(self, url, namespaces, transport, origin, cookie, auth, answers, comes_back=False):
        super().__init__()
        how = {"reconnection": comes_back, "reconnection_delay": 0.1}
        self.client = Client(**how, websocket_extra_options={"suppress_origin": True})
        refused = []

        def hear(namespace, type, *arguments):
            self.hear(Heard(type, arguments, namespace))
            return answers.get(type)

        for name in namespaces:
            self.client.on("*", functools.partial(hear, name), namespace=name)
            self.client.on("connect_error", refused.append, namespace=name)
        headers = {"Origin": origin, **({"Cookie": cookie} if cookie else {})}
        try:
            self.client.connect(url, headers, auth, [transport] if transport else None, namespaces, wait_timeout=10)
        except ConnectionError as error:
            raise ConnectionError(*refused) from error

    @property
    def transport(self):
        return self.client.transport()

    @property
    def is_connected(self):
        return self.client.connected

    def sid(self, namespace="/board"):
        """The id of its connection to this namespace; another one when it has come back."""
        return self.client.get_sid(namespace)

    def call(self, type, *arguments, namespace="/board", within=5):
        """Send an event and return what its acknowledgement says."""
        return self.client.call(type, arguments or None, namespace, at_once(within))

    def send(self, type, *arguments, namespace="/board", acked=None):
        """Send an event and go on; `acked(…)` is called when it is acknowledged."""
        self.client.emit(type, arguments or None, namespace, acked)

    def leave(self):
        threading.Thread(target=self.client.disconnect, daemon=True).start()  # some servers let it wait for a goodbye
        wait_for(2, lambda: not self.client.connected)


class NodeSocket(Socket):
    """The client that browsers load, under Node.js: client.mjs does as it is told, line by line."""

    def __init__(self, url, namespaces, transport, origin, cookie, auth, answers, comes_back=False):
        super().__init__()
        self.acks, self.numbers, self.transport = {}, itertools.count(), None
        self.connected, self.refused, self.complaints = {}, {}, []
        self.gone = set()  # the namespaces of `connected` that are so no more
        options = {
            "namespaces": namespaces,
            "transports": [transport] if transport else ["polling", "websocket"],
            "headers": {"Origin": origin, **({"Cookie": cookie} if cookie else {})},
            "auth": auth or {},
            "answers": answers,
            "reconnection": comes_back,
        }
        command = [*services.node().command, NODE_CLIENT, url, json.dumps(options)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(command, **pipes, text=True, encoding="utf-8", bufsize=1)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        wait_for(10, lambda: self.refused or len(self.connected) == len(namespaces) or self.process.poll() is not None)
        if self.refused or len(self.connected) < len(namespaces):
            self.leave()
            raise ConnectionError(next(iter(self.refused.values()), "".join(self.complaints)))

    @property
    def is_connected(self):
        return self.connected.keys() > self.gone

    def sid(self, namespace="/board"):
        return self.connected.get(namespace)

    def read(self):
        for line in self.process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                self.complaints.append(line)
                continue
            self.transport = said.get("transport", self.transport)
            match said["what"]:
                case "event":
                    self.hear(Heard(said["type"], tuple(said["arguments"]), said["namespace"]))
                case "ack":
                    self.acks[said["number"]] = said["arguments"]
                case "connect":
                    self.connected[said["namespace"]] = said["sid"]
                    self.gone.discard(said["namespace"])
                case "disconnect":
                    self.gone.add(said["namespace"])
                case "connect_error":
                    self.refused[said["namespace"]] = said["why"]

    def send(self, type, *arguments, namespace="/board"):
        self.tell({"type": type, "arguments": arguments, "namespace": namespace})

    def tell(self, words):
        self.process.stdin.write(json.dumps(words) + "\n")

    def call(self, type, *arguments, namespace="/board", within=5):
        number = next(self.numbers)
        words = {"number": number, "type": type, "arguments": arguments, "namespace": namespace}
        self.tell(words)
        within = at_once(within)
        assert wait_for(within, lambda: number in self.acks), (
            f"no acknowledgement for {type} came within {within:.3g} s"
        )
        answer = self.acks.pop(number)
        return answer[0] if len(answer) == 1 else tuple(answer)

    def leave(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()

    def vanish(self):
        """Be gone without a goodbye."""
        self.process.kill()
        self.leave()


def ways(*quick):
    """Runs a test once for each client and transport; all but the quick ones with --all."""
    every = [(client, how) for client in (PythonSocket, NodeSocket) for how in ("websocket", "polling")]
    return pytest.mark.parametrize(
        ("client", "transport"),
        [pytest.param(*way, marks=() if way in quick else pytest.mark.long) for way in every],
        ids=lambda value: value if isinstance(value, str) else value.__name__,
    )


each_way = ways((PythonSocket, "websocket"), (NodeSocket, "polling"))
first_way = ways((PythonSocket, "websocket"))  # for what the lessons before have proved each way
