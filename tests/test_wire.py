"""The wire shows what goes to and fro between the parts of a lesson, holds up nothing, and gives nothing away."""

import functools
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading

import httpx
import pytest
import redis
from wsproto import ConnectionType, WSConnection, events
from wsproto.extensions import PerMessageDeflate

from course.catalogue import ROOT, lessons
from course.processes import Process, free_port, wait_for
from course.served import LessonUnderTest
from course.testkit.sockets import NodeSocket, PythonSocket
from course.wire import tap
from course.wire.cors import verdict
from course.wire.story import KEPT, Message, Story
from course.wire.tap import Taps
from course.wire.wire import Wire
from course.wire.words import HEADERS, masked

PAGE, HOST = "http://localhost:8101", b"Host: localhost:5101\r\n"
ASKS = {"origin": PAGE, "access-control-request-method": "PUT", "access-control-request-headers": "content-type"}
ALLOWS = {"access-control-allow-origin": PAGE, "access-control-allow-methods": "PUT, GET"}
ALLOWS |= {"access-control-allow-headers": "Content-Type"}
PREFLIGHT = b"OPTIONS /api/x HTTP/1.1\r\n" + HOST + b"Origin: http://localhost:8101\r\n"
PREFLIGHT += b"Access-Control-Request-Method: PUT\r\n\r\n"
REFUSED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
GET = b"GET /api/questions HTTP/1.1\r\n" + HOST + b"\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
STREAM = b"GET /stream HTTP/1.1\r\n" + HOST + b"Last-Event-ID: 7\r\n\r\n"
EVENTS = b'retry: 1000\nid: 8\nevent: question_asked\ndata: {"seq": 8}\n\n:\n\n'
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
POLL = b"GET /socket.io/?EIO=4&transport=polling&sid=abc HTTP/1.1\r\n" + HOST + b"\r\n"
PAYLOAD = b'40/board,{"sid":"x"}\x1e42/board,["online",{"count":2}]\x1e2'


def body(data):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)


def websocket(path, messages, deflate=False):
    """What goes to and fro when a browser opens a WebSocket, and both sides then send these: [(from_client, bytes)]."""
    page, server = WSConnection(ConnectionType.CLIENT), WSConnection(ConnectionType.SERVER)
    offer = [PerMessageDeflate()] if deflate else []
    went = [(True, page.send(events.Request(host="localhost", target=path, extensions=offer)))]
    server.receive_data(went[0][1])
    list(server.events())
    went.append((False, server.send(events.AcceptConnection(extensions=[PerMessageDeflate()] if deflate else []))))
    page.receive_data(went[1][1])
    list(page.events())
    for from_client, event in messages:
        went.append((from_client, (page if from_client else server).send(event)))
    return went


ASK = events.TextMessage('42/board,3["ask",{"text":"Why?","key":"k1"}]')
ACK = events.TextMessage('43/board,3[{"ok":true,"question":{"id":5}}]')
ASKED = events.TextMessage('42/board,["question_asked",{"seq":9,"question":{"id":5}}]')
CLOSE = events.CloseConnection(code=1000, reason="bye")
TALK = [(True, ASK), (False, ACK), (False, ASKED), (True, events.Ping(b"x")), (True, CLOSE)]
FILE = events.TextMessage('451-/files,["file",{"_placeholder":true,"num":0}]')
BINARY = [(False, FILE), (False, events.BytesMessage(b"\1\2"))]
SOCKET = "/socket.io/?EIO=4&transport=websocket"
SHAKE = ["WebSocket handshake /socket.io/ (websocket)", "101 Switching Protocols"]
SAID = ["event ask #3 /board", "ack #3 /board", "event question_asked /board"]
SAID += ["WebSocket ping", "WebSocket close 1000 bye"]
CHAT = websocket("/chat", [(True, events.TextMessage("hi"))])
PUBLISH = b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$5\r\nboard\r\n*1\r\n$4\r\nPING\r\n"
NEWS = b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nboard\r\n"
REDIS = [(True, PUBLISH), (False, b":1\r\n+PONG\r\n"), (False, NEWS)]
REDIS += [(True, b"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n"), (False, b"$-1\r\n")]

# What went over a connection, as [(whether the client sent it, bytes), …], and what the wire says of it.
RECORDED = {
    "a request and its answer": ("http", [(True, GET), (False, ANSWER)], ["GET /api/questions", "200 OK"]),
    "two on one connection": ("http", [(True, GET), (False, ANSWER)] * 2, ["GET /api/questions", "200 OK"] * 2),
    "a refused preflight": (
        "http", [(True, PREFLIGHT), (False, REFUSED)],
        ["preflight: PUT /api/x?", "preflight refused: no Access-Control-Allow-Origin (200)", "not sent: PUT /api/x"],
    ),
    "an event stream": (
        "http", [(True, STREAM), (False, CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(EVENTS), EVENTS))],
        ["GET /stream, Last-Event-ID 7", "200 OK", "event question_asked 8", "comment", "end of the stream"],
    ),
    "long polling": (
        "http", [(True, POLL), (False, body(PAYLOAD))],
        ["GET /socket.io/ (polling)", "200 OK", "connected /board", "event online /board", "ping"],
    ),
    "a WebSocket": ("http", websocket(SOCKET, TALK), [*SHAKE, *SAID]),
    "a compressed one": ("http", websocket(SOCKET, TALK, deflate=True), [*SHAKE, *SAID]),
    "bytes in an event": ("http", websocket(SOCKET, BINARY), [*SHAKE, "event file /files"]),
    "another WebSocket": (
        "http", CHAT, ["WebSocket handshake /chat", "101 Switching Protocols", "message, 2 bytes"],
    ),
    "Redis": (
        "redis", REDIS,
        ["PUBLISH news board", "PING", "→ 1 heard it", "→ PONG", "message news board", "GET x", "→ nil"],
    ),
}  # fmt: skip


def titles(kind, went):
    """What a story says of these pieces; how long something took is left out."""
    story = Story()
    reader = story.reader(kind, (None, "API"))
    for at, (from_client, data) in enumerate(went):
        reader.heard(float(at), from_client, data)
    return [each.title.partition(",")[0] if each.title.endswith(" ms") else each.title for each in story.messages]


@pytest.mark.parametrize("what", RECORDED)
def test_each_kind_of_message_is_read_however_it_is_cut(what):
    kind, went, said = RECORDED[what]
    assert titles(kind, went) == said

    for place, (from_client, data) in enumerate(went):
        for cut in range(1, len(data)):
            pieces = [(from_client, data[:cut]), (from_client, data[cut:])]
            assert titles(kind, [*went[:place], *pieces, *went[place + 1 :]]) == said, data[:cut]
    byte_by_byte = [(from_client, data[n : n + 1]) for from_client, data in went for n in range(len(data))]
    assert titles(kind, byte_by_byte) == said


@pytest.mark.parametrize(
    "said",
    [
        b"Cookie: session=SECRET; other=SECRET\r\n",
        b"Set-Cookie: session=SECRET; HttpOnly\r\n",
        b"Authorization: Bearer SECRET\r\n",
        b'{"name": "ada", "password": "SECRET"}',
        b'40/board,{"token":"SECRET"}',
        b"GET /socket.io/?EIO=4&sid=SECRET HTTP/1.1\r\n",
        b"csrf_token=SECRET&text=x",
        b'<input name="csrf_token" type="hidden" value="SECRET">',
        b"*2\r\n$4\r\nAUTH\r\n$6\r\nSECRET\r\n",
    ],
    ids=bytes.decode,
)
def test_a_secret_is_masked_wherever_it_stands(said):
    assert b"SECRET" in said
    assert b"SECRET" not in masked(said)


def test_no_title_steers_a_terminal():
    evil = events.TextMessage('42["\\u001b]0;owned\\u0007",{}]')
    assert titles("http", websocket(SOCKET, [(True, evil)]))[-1] == "event �]0;owned�"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n[]", ["200 OK, 1000 ms", "connection closed"]),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]", ["connection closed, during /api/questions"]),
        (b"", ["connection closed, during /api/questions"]),
    ],
    ids=["whole", "half", "none"],
)
def test_an_answer_may_end_with_its_connection_or_break_off(answer, said):
    story = Story()
    reader = story.reader("http", (None, "API"))
    reader.heard(0.0, True, GET)
    if answer:
        reader.heard(0.5, False, answer)
    reader.closed(1.0, False, False)
    assert [each.title for each in story.messages][1:] == said


@pytest.mark.parametrize("what", RECORDED)
def test_what_cannot_be_read_is_shown_as_bytes(what):
    kind, went, _ = RECORDED[what]
    for place, (from_client, data) in enumerate(went):
        for noise in (b"\xff\xfe\x00" * 40, b"\r\n\r\n" + data, b"\0" * 70_000):
            said = titles(kind, [*went[:place], (from_client, noise), *went[place:]])
            assert all(isinstance(title, str) and len(title) < 400 for title in said)
    assert titles("http", [(True, b"\0\1\2\r\n\r\n"), (True, b"more")])[-1] == "4 bytes"


@pytest.mark.long
@pytest.mark.parametrize("what", ["an event stream", "a WebSocket", "Redis"])
def test_what_has_no_end_fills_no_memory(what):
    kind, went, _ = RECORDED[what]
    story = Story()
    reader = story.reader(kind, (None, "API"))
    for at, (from_client, data) in enumerate(went[:2]):
        reader.heard(float(at), from_client, data.removesuffix(b"0\r\n\r\n"))
    for number in range(200):
        frame = b"\0\x7f\0\0\0\0\0\1\0\0" if number else b"\1\x7f\0\0\0\0\0\1\0\0"  # of 64 KiB, and not the last
        before = {"Redis": b"$99999999\r\n" if not number else b"", "an event stream": b"10000\r\n"}.get(what, frame)
        reader.heard(9.0, False, before + b"x" * 2**16 + b"\r\n" * (what == "an event stream"))
    assert sum(len(each.data) for each in story.messages) <= 64 * 2**20
    assert any("without an end" in each.title for each in story.messages)


@pytest.mark.parametrize(
    ("asked", "status", "headers", "why"),
    [
        (ASKS, 200, ALLOWS, ""),
        (ASKS, 204, ALLOWS | {"access-control-allow-origin": "*"}, ""),
        (ASKS, 401, ALLOWS, "its status is 401, and must be 2xx"),
        (ASKS, 200, {}, "no Access-Control-Allow-Origin"),
        (ASKS, 200, ALLOWS | {"access-control-allow-origin": "http://x"}, "Access-Control-Allow-Origin is http://x"),
        (ASKS, 200, ALLOWS | {"access-control-allow-methods": "GET"}, "Access-Control-Allow-Methods lacks PUT"),
        (ASKS, 200, ALLOWS | {"access-control-allow-headers": ""}, "Access-Control-Allow-Headers lacks content-type"),
        (ASKS | {"access-control-request-method": "POST"}, 200, ALLOWS | {"access-control-allow-methods": ""}, ""),
    ],
    ids=str,
)
def test_the_verdict_on_a_preflight_is_that_of_the_fetch_standard(asked, status, headers, why):
    assert verdict(asked, status, headers) == why


def test_two_browsers_that_come_at_once_are_told_apart_by_their_cookies():
    story = Story()
    readers = [story.reader("http", (None, "API")) for _ in range(2)]
    for reader in readers:
        reader.heard(0.0, True, GET)
    for number, reader in enumerate(readers):
        answer = b"HTTP/1.1 204 No Content\r\nSet-Cookie: worker=same; Path=/\r\nSet-Cookie: session=%d; Path=/\r\n\r\n"
        reader.heard(0.1, False, answer % number)
        reader.heard(0.2, True, GET.removesuffix(b"\r\n") + b"Cookie: worker=same; session=%d\r\n\r\n" % number)
    assert [each.lanes[0] for each in story.messages if each.at == 0.2] == ["Client 1", "Client 2"]


def test_old_messages_make_room_and_are_counted():
    story = Story()
    for number in range(KEPT + 25):
        story.add(Message(number + 1, 0.0, ("a", "b"), "bytes", "x"))
    assert (len(story.messages), story.dropped) == (KEPT, 25)

    for number in range(100):
        story.add(Message(KEPT + 26 + number, 0.0, ("a", "b"), "bytes", "x", b"x" * 2**20))
    assert story.size <= 64 * 2**20


@pytest.fixture
def wired(tmp_path, request):
    """A lesson that is served with a wire: `wired(3)`."""
    served = []

    def serve(number, **how):
        wire = Wire(free_port())
        request.addfinalizer(lambda: wire.__exit__(None, None, None))
        lesson = LessonUnderTest(lessons()[number], tmp_path, **how)
        lesson.wire = wire.__enter__()
        lesson.__enter__()
        served.append(lesson)
        return lesson

    yield serve
    for lesson in served:
        lesson.__exit__(None, None, None)


def said(lesson, *parts):
    """The messages in whose line each of these stands, as soon as there is one."""

    def found():
        return [each for each in list(lesson.wire.story.messages) if all(part in str(each) for part in parts)]

    return wait_for(5, found)


def test_an_ask_is_one_story_from_its_packet_to_every_page(wired):
    lesson = wired(3)
    with lesson.socket() as anna, lesson.socket() as ben:
        id = anna.call("ask", {"text": "What is light?", "key": secrets.token_hex(4)})["question"]["id"]
        assert ben.next("question_asked").data["question"]["id"] == id

    (ask,) = said(lesson, "event ask")
    story = lesson.wire.story
    assert len(said(lesson, "event question_asked")) == 2
    lights = [story.find(number).title for number in story.details(ask.number)["related"]]
    kinds = ("event ask", "PUBLISH", "message", "ack", "event question_asked")
    assert [kind for kind in kinds if not any(title.startswith(kind) for title in lights)] == [], lights


@pytest.mark.long
def test_nothing_secret_is_shown_unless_somebody_asks_for_it(wired):
    lesson = wired(4)
    ada = lesson.sign_in("ada")
    (cookie,) = ada.cookies.values()
    (login,) = said(lesson, "POST /api/login")
    address = f"http://localhost:{lesson.wire.port}"
    with httpx.Client(base_url=address, trust_env=False) as viewer:
        hidden = viewer.get(f"/messages/{login.number}").text + viewer.get("/story.txt").text
        hidden += "".join(viewer.get(f"/messages/{each.number}").text for each in lesson.wire.story.after(0))
        assert cookie not in hidden
        assert "live-flask" not in hidden.replace("live-flask:", "")
        assert "live-flask" in viewer.get(f"/messages/{login.number}?secrets").text

        assert viewer.get("/story.txt", headers={"Origin": "http://elsewhere"}).status_code == 403
        assert viewer.get("/story.txt", headers={"Host": "elsewhere"}).status_code == 403


@pytest.mark.long
def test_the_page_shows_what_was_typed_as_text_and_is_used_by_keyboard(wired, window):
    lesson = wired(3)
    wire = window(f"http://localhost:{lesson.wire.port}", viewport={"width": 1280, "height": 800})
    assert wire.sees("Nothing has been sent yet.")
    ada = window(lesson.page)
    assert ada.sees("WebSocket")
    ada.ask("<img src=x onerror=alert(1)>")
    assert ada.sees("Asked.")

    row = wire.page.locator(".row").filter(has_text="event ask")
    assert wire.shows(row)
    row.press("Enter")
    assert wire.sees("<img src=x onerror=alert(1)>"), "as it was typed"
    assert not wire.page.locator("img").count()
    assert wire.sees("others belong to it")
    assert wire.faults() == []

    wire.page.keyboard.press("Escape")
    assert wire.shows(wire.page.locator("#details"), state="hidden")
    wire.page.get_by_label("As a table").check()
    assert wire.shows(wire.page.get_by_role("cell", name="event ask"))
    wire.page.get_by_label("Search").fill("no such thing")
    assert wire.shows(wire.page.get_by_role("cell", name="event ask"), state="hidden")
    assert wire.faults() == [] and not [line for line in wire.console if line.startswith("error")]


@pytest.fixture
def watched(wired, window):
    """Lesson 1, and the page of its wire: something is asked by `visitor().get(…)`, and seen there."""
    lesson = wired(1)
    return lesson.visitor(), window(f"http://localhost:{lesson.wire.port}")


def press(window, button, answer=None):
    """Press a button of the page, and type an answer to what it asks."""
    if answer is not None:
        window.page.once("dialog", lambda dialog: dialog.accept(answer))
    window.page.get_by_role("button", name=button, exact=True).click()


def row(window, text):
    return window.page.locator(".row").filter(has_text=text)


@pytest.mark.long
def test_what_comes_while_it_is_paused_is_shown_when_it_goes_on(watched):
    visitor, wire = watched
    visitor.get("/api/questions?before")
    assert wire.shows(row(wire, "?before"))

    press(wire, "Pause")
    visitor.get("/api/questions?meanwhile")
    assert not wire.shows(row(wire, "?meanwhile"), within=0.5)
    press(wire, "Go on")
    assert wire.shows(row(wire, "?meanwhile"))
    assert row(wire, "?before").count() == 1, "and nothing twice"


@pytest.mark.long
def test_clear_leaves_what_comes_later(watched):
    visitor, wire = watched
    visitor.get("/api/questions?before")
    assert wire.shows(row(wire, "?before"))

    press(wire, "Clear")
    assert wire.shows(row(wire, "?before"), state="hidden")
    visitor.get("/api/questions?later")
    assert wire.shows(row(wire, "?later"))


@pytest.mark.long
def test_a_mark_stands_where_it_was_made(watched):
    visitor, wire = watched
    visitor.get("/api/questions?before")
    press(wire, "Mark", "<b>Now</b> Ben votes")
    assert wire.shows(row(wire, "<b>Now</b> Ben votes"))
    visitor.get("/api/questions?after")
    assert wire.shows(row(wire, "?after"))

    rows = wire.page.locator(".row").all_inner_texts()
    places = [next(n for n, text in enumerate(rows) if part in text) for part in ("?before", "Ben votes", "?after")]
    assert places == sorted(places)


@pytest.mark.long
def test_a_lane_has_the_name_that_a_person_gave_it(watched):
    visitor, wire = watched
    visitor.get("/api/questions")
    assert wire.shows(row(wire, "Python 1 to API"))

    press(wire, "Rename Python 1", "Ada")
    assert wire.shows(row(wire, "Ada to API"))
    wire.page.reload()
    assert wire.shows(row(wire, "Ada to API")), "after the page is loaded anew, too"
    assert wire.page.get_by_label("Lane").locator("option").all_inner_texts() == ["All lanes", "Ada", "API"]


@pytest.mark.long
@pytest.mark.parametrize("way", ["SVG", "HTML", "text"])
def test_what_is_saved_shows_what_was_typed_as_text_and_no_secret(watched, way):
    visitor, wire = watched
    visitor.get("/api/questions?text=<script>alert(1)</script>&token=SECRET")
    assert wire.shows(row(wire, "token="))

    with wire.page.expect_download() as saved:
        wire.page.get_by_text(f"Save as {way}").click()
    said = saved.value.path().read_text(encoding="utf-8")
    assert "/api/questions?text=" in said and "200 OK" in said
    assert "SECRET" not in said
    assert way == "text" or "<script" not in said.lower()


CLIENTS = {
    f"{client.__name__}, {transport or 'upgraded'}": {"client": client, "transport": transport}
    for client in (PythonSocket, NodeSocket)
    for transport in ("polling", "websocket", None)
}


@pytest.mark.long
@pytest.mark.parametrize("how", CLIENTS)
def test_the_wire_shows_each_event_that_a_client_hears(wired, how):
    lesson = wired(3)
    with lesson.socket(**CLIENTS[how]) as ada:
        for number in range(5):
            assert ada.call("ask", {"text": f"Question {number}", "key": secrets.token_hex(8)})["ok"]
        ada.take(5, "question_asked")

        for way, what in (("→ API", "event ask #"), ("API →", "ack #")):
            assert wait_for(5, lambda way=way, what=what: len(said(lesson, way, what)) == 5)

        def told():
            return [each.title.split()[1] for each in said(lesson, "API →", "  event ")]

        assert wait_for(5, lambda: told() == [event.type for event in ada.heard]), told()
    assert wait_for(5, lambda: not [each for each in lesson.wire.story.messages if each.kind == "bytes"])


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("curl"), reason="There is no curl.")
def test_the_wire_shows_what_curl_says(wired):
    lesson = wired(1)
    command = ["curl", "-s", "-i", "-X", "POST", "-H", "Content-Type: application/json", "-d", '{"text": "Why?"}']
    answer = subprocess.run(
        [*command, f"{lesson.api}/api/questions"], capture_output=True, text=True, timeout=20
    ).stdout
    head, _, body = answer.replace("\r\n", "\n").partition("\n\n")

    (request,) = said(lesson, "curl 1 → API", "POST /api/questions")
    (response,) = said(lesson, "API → curl 1", "201 ")
    assert lesson.wire.story.details(request.number)["data"].endswith('{"text": "Why?"}')
    shown = lesson.wire.story.details(response.number, secrets=True)
    assert [f"{name}: {value}" for name, value, *_ in shown["headers"]] == head.split("\n")[1:]
    assert shown["data"].endswith(body)


@pytest.mark.long
def test_the_wire_shows_what_redis_is_told_and_answers(wired):
    lesson = wired(2)
    with redis.Redis.from_url(lesson.wire.redis(lesson.env["FLASK_REDIS_URL"], "redis-py")) as client:
        client.set("answer", 42)
        value, heard = client.get("answer"), client.publish("nobody", "listens")

    def lines(way):
        return {each.title for each in said(lesson, way)}

    assert wait_for(5, lambda: {"SET answer 42", "GET answer", "PUBLISH nobody listens"} <= lines("redis-py → Redis"))
    assert wait_for(5, lambda: {f"→ {value.decode()}", f"→ {heard} heard it"} <= lines("Redis → redis-py"))


def test_a_connection_is_silent_when_nothing_comes_of_what_is_under_way(monkeypatch):
    monkeypatch.setattr(tap, "SILENT", 0.2)
    story = Story()
    with socket.create_server(("127.0.0.1", 0)) as server, Taps(story.reader) as taps:
        port = taps.tap("http", (None, "API"), server.getsockname()[1])
        with socket.create_connection(("127.0.0.1", port)) as client:
            there, _ = server.accept()
            with there:
                client.sendall(GET)

                def silences():
                    return [each.title for each in list(story.messages) if each.title.startswith("silent")]

                assert wait_for(5, lambda: silences() == ["silent for 0.2 s, during /api/questions"])
                there.sendall(ANSWER)
                assert wait_for(5, lambda: any(each.title.startswith("200 OK") for each in list(story.messages)))
                assert not wait_for(0.6, lambda: len(silences()) > 1), "nothing is under way now"


def test_the_steps_that_explain_a_header_speak_of_it():
    for name, (_, _, *step) in HEADERS.items():
        if step and step[0]:
            number, place = map(int, re.findall(r"\d+", step[0]))
            notes = (lessons()[number].folder / "README.md").read_text(encoding="utf-8")
            (told,) = re.findall(rf"^## Step {place}: .*?(?=^## |\Z)", notes, re.M | re.S)
            assert name in told.lower(), f"{step[0]} should speak of {name}"


def test_a_tap_hands_on_the_same_pieces_and_how_a_connection_ends():
    with socket.create_server(("127.0.0.1", 0)) as server, Taps(Story().reader) as taps:
        port = taps.tap("http", (None, "API"), server.getsockname()[1])
        for number in range(20):
            with socket.create_connection(("127.0.0.1", port)) as client:
                there, _ = server.accept()
                with there:
                    client.sendall(b"\0" * number)
                    client.shutdown(socket.SHUT_WR)
                    there.settimeout(5)
                    assert b"".join(iter(functools.partial(there.recv, 4096), b"")) == b"\0" * number
                    there.sendall(b"after the end")
                client.settimeout(5)
                assert client.recv(100) == b"after the end"


@pytest.mark.long
def test_a_worker_that_dies_and_a_redis_that_is_away_are_shown(wired):
    lesson = wired(5, workers=2)
    with lesson.socket() as anna:
        anna.call("ask", {"text": "Who serves me?", "key": secrets.token_hex(4)})
        (first, *_) = said(lesson, "nginx → worker", "event ask")
        number = int(first.lanes[1].split()[1])
        assert said(lesson, "→ Redis", "PUBLISH")
        lesson.kill(number)
        assert said(lesson, f"worker {number} → nginx", "connection closed, during")
    with lesson.redis_stopped():
        lesson.visitor().post("/api/questions", json={"text": "Without Redis?"})
        assert said(lesson, "Redis →", "refused")


@pytest.mark.long
def test_three_hundred_learners_lose_nothing_on_the_way(wired):
    lesson = wired(3)
    texts = [f"Question {number}" for number in range(300)]
    with lesson.socket() as listener:

        def learner(some):
            with lesson.socket(transport="websocket") as one:
                for text in some:
                    assert one.call("ask", {"text": text, "key": secrets.token_hex(8)}, within=30)["ok"]

        crowd = [threading.Thread(target=learner, args=[texts[n : n + 10]]) for n in range(0, 300, 10)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join(60)
        heard = [listener.next("question_asked", within=10).data for _ in texts]

    assert [event["seq"] for event in heard] == list(range(heard[0]["seq"], heard[0]["seq"] + 300)), "none is lost"
    assert sorted(event["question"]["text"] for event in heard) == sorted(texts)
    shown = lesson.wire.story.after(0, within=0)
    assert len([each for each in shown if each.title.startswith("event ask")]) + lesson.wire.story.dropped >= 300
    assert not [each.title for each in shown if each.kind == "bytes"]


@pytest.mark.long
def test_a_lab_shows_why_it_fails(learner):
    said = learner.types("lab", 1, "preflight_behind_login", "--wire")
    broken, cured = said.split("Broken")[1].split("Cured")
    assert "preflight refused: its status is 401" in broken and "not sent: POST /api/questions" in broken
    assert "preflight allowed" in cured


@pytest.mark.long
def test_the_terminal_shows_a_request_while_the_lesson_runs():
    api, page = free_port(), free_port()
    ports = [f"--api-port={api}", f"--page-port={page}"]
    with Process(sys.executable, "-m", "course", "run", "1", "--wire=text", "--no-browser", *ports, cwd=ROOT) as runner:
        assert runner.printed("Ctrl-C stops it", within=30), runner.lines
        assert httpx.get(f"http://localhost:{api}/api/questions").json() is not None
        assert runner.printed("→ API +GET /api/questions")
        assert runner.printed("API → .+ 200 OK, ")
