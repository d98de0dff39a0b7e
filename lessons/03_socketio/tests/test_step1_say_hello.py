"""Step 1: Socket.IO says hello over plain HTTP, then moves to a WebSocket, which it is not."""

import base64
import hashlib
import json
import re
import socket

import httpx

from course.testkit.sockets import NodeSocket, each_way

KEY = base64.b64encode(b"sixteen bytes ok").decode()
ACCEPT = base64.b64encode(hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()


@each_way
def test_a_message_and_json_come_back(lesson, client, transport):
    with lesson.socket("/", client=client, transport=transport) as anna:
        assert anna.transport == transport
        anna.send("message", "hello", namespace="/")
        assert anna.next("message").data == "hello"

        anna.send("json", {"text": "日本語?"}, namespace="/")
        assert anna.next("json").data == {"text": "日本語?"}


def test_it_begins_with_long_polling_and_offers_a_websocket(lesson):
    answer = lesson.program().get("/socket.io/?EIO=4&transport=polling")

    kind, opened = answer.text[0], json.loads(answer.text[1:])
    assert kind == "0", "Engine.IO's first packet should be `open`"
    assert opened["upgrades"] == ["websocket"]
    assert opened["sid"]


def test_the_browser_s_client_moves_up_to_the_websocket(lesson):
    with lesson.socket("/", client=NodeSocket, transport=None) as anna:
        anna.send("message", "hello", namespace="/")

        assert anna.next("message").data == "hello"
        assert anna.becomes("websocket"), "it should not stay with polling"


def test_the_handshake_of_a_websocket_and_what_comes_first_over_it(lesson):
    url = httpx.URL(lesson.api)
    with socket.create_connection((url.host, url.port), timeout=5) as raw:
        raw.sendall(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\n\r\n".encode()
        )
        said = b""
        while b'"sid"' not in said:
            more = raw.recv(4096)
            assert more, f"the connection should become a WebSocket, and not end after {said!r}"
            said += more
    head, _, frame = said.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 101")
    assert f"Sec-WebSocket-Accept: {ACCEPT}".lower() in head.decode().lower()
    assert frame[0] == 0x81, "the first message is not ours: Engine.IO says `open`"
    assert frame[2:4] == b"0{", "the first message is not ours: Engine.IO says `open`"


def test_the_api_hands_out_the_browser_s_client_that_fits(lesson):
    answer = lesson.visitor().get("/client/socket.io.esm.min.js")

    assert answer.status_code == 200
    assert "javascript" in answer.headers["Content-Type"]
    assert answer.headers["Access-Control-Allow-Origin"] == lesson.page, "the page loads it as a module"
    (protocol,) = set(re.findall(r"\.EIO=(\d)", answer.text))
    hello = lesson.program().get("/socket.io/", params={"EIO": protocol, "transport": "polling"})
    assert hello.status_code == 200, "the server should speak the client's protocol"


def test_a_client_that_is_too_old_is_told_so(lesson):
    answer = lesson.program().get("/socket.io/?EIO=3&transport=polling")

    assert answer.status_code == 400
    assert "unsupported version" in answer.text


def test_the_page_shows_how_it_is_connected(alice):
    assert alice.sees("WebSocket", within=5), "after polling the page should have moved up"
