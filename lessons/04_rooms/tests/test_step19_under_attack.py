"""Step 19: what a hostile page, client and question can do is nothing."""

import contextlib
import csv
import io
import json
import os
import re
import secrets
import socket
import sys
import threading
import time
import zlib

import httpx
import pytest
from socketio.exceptions import ConnectionError

from course.processes import Process, free_port, wait_for
from course.testkit.people import Window
from course.testkit.raw import frame, hangs_up, head, is_fine, memory, polling, said, websocket
from course.testkit.sockets import NodeSocket

LIMIT = 16 * 1024  # bytes that a message may hold
SIZE = 16 * 2**20
HALF = "\ud800"  # half a character, which JSON can say and no database keeps
TELLING = ["<img src=x onerror=\"document.title='owned'\">", "{{ 7*7 }}{% raw %}"]
NASTY = [
    "<script>document.title='owned'</script>",
    "</textarea><script>document.title='owned'</script>",
    "\"><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "${7*7}",
]
KNOCK = """url => new Promise((done) => {
    const socket = new WebSocket(url);
    socket.onopen = () => done("let in");
    socket.onerror = () => done("refused");
})"""
LISTEN = """url => new Promise((done) => {
    const source = new EventSource(url, {withCredentials: true});
    source.onopen = () => done("reads");
    source.onerror = () => done("reads nothing");
})"""


@pytest.fixture
def victim(window, lesson, stranger):
    """Grace's browser: she has signed in, and then comes to mallory's page."""

    def fall_for_it(name="grace"):
        grace = window(lesson.page)
        grace.sign_in(name)
        assert grace.sees(f"Signed in as {name}")
        return Window(grace.page.context.new_page(), stranger.origin)

    return fall_for_it


def ask(visitor, text, room="physics", **more):
    return visitor.post(f"/api/questions?room={room}", json={"text": text, **more})


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", '=HYPERLINK("http://evil.example")', "＝1", "1;=1+1", "1; @A1"]
)
def test_a_spreadsheet_finds_no_formula_in_the_export(lesson, text):
    guest = lesson.visitor()
    guest.post("/api/questions", json={"text": f"{text} and more", "author": text[:40].strip()})

    rows = csv.DictReader(io.StringIO(guest.get("/export/questions.csv").text))

    cells = [cell for row in rows for cell in (row["text"], row["author"])]
    assert any(f"{text.strip()} and more" in cell.replace("'", "") for cell in cells)
    parts = [part.strip() for cell in cells for part in cell.split(";")]  # some spreadsheets split there too
    assert not [part for part in parts if part.startswith(tuple("=+-@\t\r＝"))]


def test_a_hostile_page_reads_nothing(lesson, victim):
    page = victim()
    for path in ("/api/me", "/api/questions?room=physics", "/api/rooms/physics", "/desk/physics"):
        assert page.fetch(lesson.api + path, credentials="include").blocked, path
    assert page.does(LISTEN, f"{lesson.api}/stream?channel=room:physics") == "reads nothing"
    assert page.does(KNOCK, f"{lesson.api.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket") == (
        "refused"
    ), "this would be cross-site WebSocket hijacking"
    polling = page.fetch(f"{lesson.api}/socket.io/?EIO=4&transport=polling", credentials="include")
    assert polling.blocked


def test_a_hostile_page_changes_nothing(lesson, victim):
    id = ask(lesson.person("ada"), "As it was").json()["id"]
    page = victim()
    plain = {"method": "POST", "credentials": "include", "mode": "no-cors"}
    page.fetch(f"{lesson.api}/api/questions?room=physics", body='{"text": "Forged"}', **plain)
    page.fetch(f"{lesson.api}/api/rooms", body='{"name": "forged", "code": "x"}', **plain)
    page.fetch(f"{lesson.api}/api/logout", **plain)
    page.fetch(f"{lesson.api}/api/login", body='{"name": "ben", "password": "live-flask"}', **plain)
    form = plain | {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}  # what a form would send
    for verb in ("save", "sure"):
        page.fetch(f"{lesson.api}/desk/physics/{id}", body=f"text=Forged&{verb}=", **form)
    page.fetch(f"{lesson.api}/desk/logout", body="", **form)

    grace = lesson.person("grace")
    assert grace.get(f"/api/questions/{id}").json()["text"] == "As it was"
    assert "Forged" not in grace.get("/api/questions?room=physics").text
    assert "forged" not in grace.get("/api/me").text
    page.page.goto(lesson.page)
    assert page.sees("Signed in as grace"), "she is still who she was"


def test_the_desk_shows_in_nobody_elses_frame(lesson, victim):
    page = victim()
    page.page.evaluate(
        "url => document.body.append(Object.assign(document.createElement('iframe'), {src: url}))",
        f"{lesson.api}/desk/physics",
    )

    def refused():
        return any(frame.evaluate("location.href").startswith("chrome-error:") for frame in page.page.frames[1:])

    assert wait_for(5, refused), "the browser should refuse to show it there"


@pytest.mark.parametrize("text", [*TELLING, *(pytest.param(text, marks=pytest.mark.long) for text in NASTY)])
def test_a_question_is_text_whatever_it_looks_like(lesson, window, text):
    lesson.flask("users", "add", text[:40], "--password", "x")
    author = lesson.person(text[:40], "x")
    lesson.join(author)
    assert ask(author, text).json()["text"] == text
    lobby = lesson.visitor().post("/api/questions", json={"text": text, "author": text[:40]})
    assert lobby.status_code == 201

    grace = window(f"{lesson.page}#physics")
    grace.sign_in("grace")
    assert grace.shows(grace.question(text).first)
    with lesson.socket(visitor=author, auth={"room": "physics"}) as socket:
        assert grace.shows(grace.page.get_by_role("list", name="Here now").get_by_text(text[:40], exact=True))
        assert socket.call("whisper", {"to": "grace", "text": text})["ok"]
        grace.opens("Whispers")
        assert grace.shows(grace.page.get_by_role("log").get_by_text(text))
    grace.page.get_by_role("link", name="lobby").click()
    assert grace.shows(grace.question(text).first)
    grace.page.goto(f"{lesson.api}/desk/physics")
    assert text in [area.input_value() for area in grace.page.get_by_label("Question").all()]

    assert "owned" not in grace.page.title()
    assert "49" not in grace.page.inner_text("main")


def test_the_page_may_load_from_nowhere_else(lesson, alice):
    headers = lesson.program().get(lesson.page).headers
    policy = headers["Content-Security-Policy"]

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    alice.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.x = 1'}))")
    assert alice.page.evaluate("window.x") is None, "not even a script that somebody got into the page"


@pytest.mark.parametrize(
    "auth",
    [1, "x", [], [1], {"room": {"a": 1}}, {"room": 1}, {"after": "x"}, {"after": [1]}, HALF, {"token": HALF}],
    ids=ascii,
)
def test_nonsense_when_connecting_is_refused_or_harmless(lesson, auth):
    ada = lesson.person("ada")
    try:
        with lesson.socket(visitor=ada, auth=auth) as socket:
            assert socket.call("catch_up", {"after": 0})["ok"]
    except ConnectionError as refusal:
        assert "went wrong" not in str(refusal)


def test_ten_thousand_room_names_leave_nothing_behind(lesson):
    with lesson.socket(visitor=lesson.person("ada"), auth={"room": "physics"}) as socket:
        for number in range(200):
            assert socket.call("enter", {"room": f"guess-{number}"})["error"]
        assert socket.call("enter", {"room": "physics"})["ok"]


def test_bodies_that_never_come_keep_no_database_connection(lesson):
    host, port = "localhost", lesson.ports[0] if not lesson.workers else lesson.places[0]
    name = f"{lesson.lesson.name}=made-up-{secrets.token_hex(4)}"
    head = f"POST /api/login HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {name}\r\nContent-Type: application/json\r\n"
    with contextlib.ExitStack() as slow:
        for _ in range(20):  # the pool holds 15 connections
            connection = slow.enter_context(socket.create_connection((host, port)))
            connection.sendall(f"{head}Content-Length: 40\r\n\r\n{{".encode())

        assert lesson.program().get("/api/questions", timeout=5).status_code == 200, "the others should be served"


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/stream?channel=room:lobby&last_event_id=5", {}, 404),
        ("GET", "/stream?channel=room:lobby", {}, 404),
        ("POST", "/desk/login", {"json": [1]}, 400),
        ("POST", "/desk/login", {"json": {"name": 1}}, 400),
        ("POST", "/desk/login", {"json": "text"}, 400),
        ("POST", "/desk/login", {"data": {"name": "x" * 20_000}}, 413),
        ("POST", "/desk/physics/1", {"content": "{", "headers": {"Content-Type": "application/json"}}, 400),
        ("POST", "/desk/physics/1", {"data": {"text": "x" * 20_000}}, 413),
        ("POST", "/desk/physics/1", {"files": {f"f{n}": (None, "x") for n in range(200)}}, 413),
        ("POST", "/desk/logout", {"json": [1]}, 400),
        ("PATCH", "/api/questions/1", {"content": "{", "headers": {"Content-Type": "application/json"}}, 400),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(lesson, method, path, sent, status):
    grace = lesson.person("grace")
    grace.headers["Origin"] = lesson.api if path.startswith("/desk") else lesson.served.page_url
    answer = grace.request(method, path, **sent)

    assert answer.status_code == status
    assert re.search(r"[A-Z][\w ,:]+\.", answer.text), "in a sentence"


@pytest.mark.parametrize("text", ["", "9", "43[]"])
def test_an_empty_packet_and_one_of_no_known_type_do_nothing(lesson, text):
    with lesson.socket() as ben, websocket(lesson) as raw:
        raw.sendall(frame(b"40") + frame(text.encode()))
        post = polling(lesson)
        assert post("40").text == "OK"
        post(text)

        assert ben.call("catch_up", {"after": 0})["ok"]
    assert is_fine(lesson)


NO_PACKET = {
    "a letter": "x",
    "a zero byte": "\0",
    "a digit that is no digit": "4\u00b2",
    "nothing": "4",
    "no known type": "49",
    "a refusal": "44",
    "no event": "42",
    "an event without a name": "42[]",
    "an event whose name is a number": "42[1]",
    "an event whose name is a list": '42[["ask"]]',
    "an event that is an object": '42{"a": 1}',
    "half an event": '42["ask"',
    "half a connect": "40/board,[",
    "an object": '4{"a": 1}',
    "fives": "4" * 99,
    "acknowledged by an object": '431{"a": 1}',
    "no bytes announced": '450-["echo"]',
    "many bytes announced": '459999-["echo"]',
    "a second packet in place of bytes": '451-["echo",{"_placeholder":true,"num":0}]\x1e42["echo"]',
    "bytes that come twice": '451-["echo",{"_placeholder":true,"num":7}]\x1ebAAAA',
    "bytes that nobody announced": "bAAAA",
    "bytes not in base64": "bA",
    "a list in a list in a list": '42["echo",' + "[" * 500 + "]" * 500 + "]",
    "a list without end": "42" + "[" * 5000,
    "a list without end, one protocol further out": "4" + "[" * 5000,
    "no number": '42["wave",NaN]',
    "an endless number": '42["wave",-Infinity]',
    "a number that is too large": '42["wave",{"a": [1e999]}]',
    "too many packets": "\x1e".join(["3"] * 1001),
}


@pytest.mark.parametrize("packets", NO_PACKET.values(), ids=NO_PACKET)
def test_what_is_no_packet_ends_its_connection_with_one_line_in_the_log(lesson, packets):
    with lesson.socket("/") as ben:
        before = list(lesson.served.api.lines)
        post = polling(lesson)
        assert post("40").text == "OK"
        post(packets)

        assert "Invalid session" in post("40").text, "the connection should be closed"
        assert ben.call("echo", "All well?", namespace="/") == "All well?", "and nobody else's"
        assert wait_for(2, lambda: len(said(lesson, "none may send", since=before)) == 1)
        assert not said(lesson, "Traceback", since=before)


@pytest.mark.parametrize("what", ["a letter", "nothing", "no event", "a list without end", "no number"])
def test_the_same_by_websocket(lesson, what):
    with lesson.socket("/") as ben, websocket(lesson) as raw:
        before = list(lesson.served.api.lines)
        raw.sendall(frame(b"40") + frame(NO_PACKET[what].encode()))

        assert hangs_up(raw)
        assert ben.call("echo", "All well?", namespace="/") == "All well?"
        assert wait_for(2, lambda: len(said(lesson, "none may send", since=before)) == 1)
        assert not said(lesson, "Traceback", since=before)


def test_no_client_is_sent_a_number_that_json_cannot_say(lesson):
    with lesson.socket("/", client=NodeSocket) as ben, websocket(lesson) as raw:
        raw.sendall(frame(b"40") + frame(b'42["wave","Anna"]') + frame(b'42["wave",NaN]'))

        assert ben.next("wave").data == "Anna"
        assert ben.call("echo", "Still here?", namespace="/") == "Still here?", "JavaScript disconnects over NaN"


APP = """
import importlib

lesson = importlib.import_module({package!r})
app = lesson.create_app()


@lesson.sockets.socketio.on("when", namespace="/board")
def when(*_):
    return {{"at": {value}}}
"""


SERVE = "from . import app, lesson\nlesson.engine.serve(app, '127.0.0.1', {port})\n"


@pytest.mark.parametrize("value", ["importlib.import_module('datetime').datetime.now()", "float('nan')", "{1, 2}"])
def test_an_acknowledgement_that_json_cannot_say_is_an_error_and_the_log_names_the_event(lesson, tmp_path, value):
    port, folder = free_port(), tmp_path / "mine"
    folder.mkdir()
    (folder / "__init__.py").write_text(APP.format(package=lesson.lesson.package, value=value))
    (folder / "__main__.py").write_text(SERVE.format(port=port))
    env = lesson.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{lesson.lesson.home}"}
    with Process(sys.executable, "-m", "mine", cwd=tmp_path, env=env) as api:
        api.wait_until_it_answers(port, "The app")
        with lesson.socket(address=f"http://localhost:{port}") as anna:
            assert anna.call("when") == {"error": "Something went wrong here; the server's log has the details."}
            assert api.printed("The event when failed")
            assert anna.call("catch_up", {"after": 0})["ok"], "the same connection should go on"


def test_no_answer_of_socketio_is_a_script(lesson):
    program = lesson.program()
    for address in ("", "&j=0", "&j=", "&j=x", "&sid=unknown", "&EIO=3"):
        answer = program.get(f"/socket.io/?EIO=4&transport=polling{address}")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "___eio" not in answer.text, "this would be JSONP, which a Content-Security-Policy lets run"
        assert answer.status_code == (400 if address else 200)


def test_a_message_over_the_limit_is_refused_by_polling(lesson):
    post = polling(lesson)
    assert post("40").text == "OK"

    assert post("4" * (LIMIT + 1)).status_code == 400
    assert "Invalid session" in post("2").text, "and the connection ends"
    assert is_fine(lesson)


GIANTS = {  # ways to send 16 MiB: the frames' opcode, whether each ends its message, and its length
    "in one frame": (1, True, SIZE),
    "in many frames of one message": (0, False, 2**13),
    "in many messages with bytes of one packet": (2, True, 2**13),
}


SLOWEST = "in many messages with bytes of one packet"


@pytest.mark.parametrize("how", [pytest.param(how, marks=pytest.mark.long if how == SLOWEST else ()) for how in GIANTS])
def test_a_giant_is_refused_while_it_arrives(lesson, how):
    opcode, ends, length = GIANTS[how]
    assert is_fine(lesson)
    before = most = memory(lesson)
    with websocket(lesson) as raw, contextlib.suppress(OSError):  # the server ends the connection, as it should
        raw.sendall(frame(b"40") + (frame(b'459999999-["echo"]') if opcode == 2 else b""))
        raw.sendall(head(1, False, 1) + b"4" if opcode == 0 else b"")
        for _ in range(SIZE // length):
            raw.sendall(head(opcode, ends, length))
            for _ in range(length // 2**13):
                raw.sendall(bytes(2**13))
                most = max(most, memory(lesson))

    assert most - before < 8 * 2**20, f"16 MiB were sent, and the server grew by {(most - before) // 2**20} MiB"
    assert is_fine(lesson)


@pytest.mark.parametrize(
    ("opcode", "ends"), [(0, False), (9, True)], ids=["pieces of one message", "pings, of which each is answered"]
)
def test_a_flood_of_empty_frames_leaves_the_others_their_turn(lesson, opcode, ends):
    assert is_fine(lesson)
    over = threading.Event()

    def hear(raw):
        with contextlib.suppress(OSError):
            while raw.recv(2**16):
                pass

    def flood():
        with websocket(lesson) as raw, contextlib.suppress(OSError):  # the server may end the connection
            threading.Thread(target=hear, args=[raw], daemon=True).start()
            raw.sendall(frame(b"40") + head(1, False, 0) if opcode == 0 else frame(b"40"))
            while not over.is_set():
                raw.sendall(head(opcode, ends, 0) * 10_000)

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    try:
        for _ in range(3):
            assert httpx.get(f"{lesson.api}/api/questions", timeout=2).status_code == 200
    finally:
        over.set()
        thread.join(10)


@pytest.mark.parametrize(
    ("message", "at_once"),
    [(b'42["nothing"]', 500), (b'42["message","' + b"x" * 10_000 + b'"]', 1)],
    ids=["small, and nobody handles them", "large, and she does not read what comes back"],
)
def test_a_flood_of_messages_fills_no_memory_and_others_are_served(lesson, message, at_once):
    assert is_fine(lesson)
    before = most = memory(lesson)
    with websocket(lesson) as raw, contextlib.suppress(OSError):
        raw.sendall(frame(b"40"))
        raw.settimeout(2)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            raw.sendall(frame(message) * at_once)
            most = max(most, memory(lesson))
        assert is_fine(lesson), "while the flood goes on"
        most = max(most, memory(lesson))

    assert most - before < 8 * 2**20, f"the server grew by {(most - before) // 2**20} MiB"


def test_nobody_can_say_that_another_comes_or_goes(lesson):
    with websocket(lesson) as raw, lesson.socket() as ben:
        raw.sendall(frame(b"40/board,") + frame(b'42/board,["disconnect","forged"]'))
        assert hangs_up(raw)
        assert ben.call("catch_up", {"after": 0})["ok"]
        assert lesson.served.api.printed("A client may not send this event")

    assert not lesson.served.api.printed("has left: forged", within=0)


def test_messages_that_are_small_only_while_compressed_fill_no_memory(lesson):
    assert is_fine(lesson)
    before = most = memory(lesson)
    bomb = zlib.compressobj(wbits=-15)
    bomb = bomb.compress(b"4" + bytes(SIZE)) + bomb.flush(zlib.Z_SYNC_FLUSH)[:-4]  # RFC 7692, 7.2.1
    with contextlib.ExitStack() as all_at_once:
        offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
        crowd = [all_at_once.enter_context(websocket(lesson, offer)) for _ in range(60)]
        for raw in crowd:
            raw.sendall(head(0x40 | 2, True, len(bomb)) + bomb)
        for raw in crowd:
            most = max(most, memory(lesson))
            assert hangs_up(raw)

    assert most - before < 50 * 2**20, f"the server grew by {(most - before) // 2**20} MiB"
    assert is_fine(lesson)


def test_a_client_in_the_middle_of_its_upgrade_fills_no_memory(lesson):
    assert is_fine(lesson)
    program = lesson.client(base_url=lesson.at(0))
    address = "/socket.io/?EIO=4&transport=polling"
    sid = json.loads(program.get(address).text[1:])["sid"]
    before = memory(lesson)
    with websocket(lesson, sid=sid) as raw, contextlib.suppress(httpx.TimeoutException):
        raw.sendall(frame(b"2probe"))
        assert b"3probe" in raw.recv(100), "now the server waits for a 5, and holds back what it has to send"
        program.post(f"{address}&sid={sid}", content="40")
        for _ in range(1500):
            program.post(f"{address}&sid={sid}", content='420["echo","' + "x" * 12_000 + '"]', timeout=1)

    assert memory(lesson) - before < 8 * 2**20, f"the server grew by {(memory(lesson) - before) // 2**20} MiB"
    assert is_fine(lesson)


def test_what_comes_after_a_goodbye_is_refused(lesson):
    anna = lesson.program()
    opened = anna.get("/socket.io/?EIO=4&transport=polling").text
    address = f"/socket.io/?EIO=4&transport=polling&sid={json.loads(opened[1:])['sid']}"

    assert anna.post(address, content="1").status_code == 200
    for late in (anna.post(address, content="2"), anna.get(address), anna.post(address, content="40/board,")):
        assert late.status_code == 400


@pytest.mark.parametrize("missing", ["Sec-WebSocket-Key", "Sec-WebSocket-Version", "Upgrade", "Connection"])
def test_a_websocket_without_its_headers_is_refused(lesson, missing):
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    headers.pop(missing)

    answer = lesson.client(base_url=lesson.at(0)).get("/socket.io/?EIO=4&transport=websocket", headers=headers)

    assert answer.status_code in {400, 426}, answer.text


def test_the_log_has_no_number_with_which_others_could_send(lesson):
    before = list(lesson.served.api.lines)
    program = lesson.client(base_url=lesson.at(0))
    address = "/socket.io/?EIO=4&transport=polling"
    sid = json.loads(program.get(address).text[1:])["sid"]
    program.post(f"{address}&sid={sid}", content="40")
    program.post(f"{address}&sid={sid}", content="1")
    for _ in range(2):
        program.get(f"{address}&sid={sid}")

    assert wait_for(2, lambda: len(said(lesson, "sid=", since=before)) >= 4)
    assert not said(lesson, sid, since=before)
