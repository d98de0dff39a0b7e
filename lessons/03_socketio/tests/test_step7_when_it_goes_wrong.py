"""Step 7: what cannot be done is answered in one sentence, and nobody else notices."""

import contextlib
import json
import os
import secrets
import socket
import sqlite3
import struct
import sys
import threading
import time
import zlib
from collections import Counter
from urllib.parse import urlsplit

import httpx
import pytest

from course.processes import Process, free_port, wait_for
from course.testkit.sockets import NodeSocket, first_way

LIMIT = 16 * 1024
SIZE = 16 * 2**20
HANDSHAKE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r\n"
)


def is_fine(lesson):
    """Whether somebody else is served as ever."""
    with lesson.socket() as ben:
        return ben.call("ask", {"text": "All well?", "key": secrets.token_hex(8)})["ok"]


@pytest.mark.parametrize(
    ("verb", "sent", "why"),
    [
        ("ask", [], "Send one object"),
        ("ask", ["a text"], "Send one object"),
        ("ask", [{"text": "x", "key": "k"}, "more"], "Send one object"),
        ("ask", [{"text": "no key"}], "Send a key"),
        ("ask", [{"text": "", "key": "k"}], "1 to 280"),
        ("ask", [{"text": "x" * 281, "key": "k"}], "this one has 281"),
        ("ask", [{"text": 42, "key": "k"}], "must be a text"),
        ("ask", [{"text": "x", "key": None}], "A key must be a text"),
        ("ask", [{"text": "x", "key": "k" * 81}], "0 to 80"),
        ("ask", [{"text": "a\0b", "key": "k"}], "zero byte"),
        ("vote", [{}], "id must be its number"),
        ("vote", [{"id": "1"}], "id must be its number"),
        ("vote", [{"id": True}], "id must be its number"),
        ("vote", [{"id": 1.0}], "id must be its number"),
        ("vote", [{"id": 0}], "no such question"),
        ("vote", [{"id": -1}], "no such question"),
        ("vote", [{"id": -(10**30)}], "no such question"),
        ("unvote", [{"id": 2**63}], "no such question"),
        ("withdraw", [{"id": 10**30}], "no such question"),
        ("change", [{"id": 999_999, "text": "x"}], "no such question"),
        ("change", [{"id": None, "text": "x"}], "id must be its number"),
    ],
    ids=str,
)
def test_bad_input_is_answered_and_the_connection_stays(lesson, verb, sent, why):
    with lesson.socket() as anna:
        receipt = anna.call(verb, *sent)

        assert why in receipt["error"]
        assert receipt["error"].endswith((".", "}."))
        assert anna.call("catch_up", {"after": 0})["ok"], "the same connection should go on"


@first_way
def test_what_is_not_hers_she_may_not_change(lesson, client, transport):
    where = lesson.visitor().post("/api/questions", json={"text": "Whose is it?"}).json()["id"]
    with lesson.socket(client=client, transport=transport) as mallory:
        for verb, more in (("change", {"text": "mine"}), ("withdraw", {})):
            assert "Only the browser that asked" in mallory.call(verb, {"id": where, **more})["error"]


def test_a_failure_inside_is_answered_and_logged(lesson):
    with lesson.socket() as anna, table_missing(lesson.database, "question"):
        receipt = anna.call("vote", {"id": 1})

        assert receipt == {"error": "Something went wrong here; the server's log has the details."}
        assert lesson.served.api.printed("The event vote failed"), "request.event says which"
    assert is_fine(lesson)


def test_a_failure_while_somebody_comes_refuses_her_with_a_reason(lesson):
    assert is_fine(lesson)
    with table_missing(lesson.database, "channel"), pytest.raises(Exception, match="Something went wrong here"):
        lesson.socket(auth={"after": 0})
    assert is_fine(lesson)


def test_an_event_that_nobody_handles_disturbs_nobody(lesson):
    with lesson.socket() as anna:
        anna.send("no such verb", {"id": 1})

        assert anna.call("catch_up", {"after": 0})["ok"]


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


def test_too_few_and_too_many_arguments_are_one_line_in_the_log(lesson):
    with lesson.socket("/") as anna:
        before = list(lesson.served.api.lines)
        for arguments in ([], ["Anna", "Ben"]):
            assert "went wrong" in anna.call("wave", *arguments, namespace="/")["error"]

        assert wait_for(2, lambda: len(said(lesson, "The event wave failed: TypeError", since=before)) == 2)
        assert not said(lesson, "Traceback", since=before)


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


def test_a_flood_of_connects_keeps_nobody_out(lesson):
    url = f"{lesson.api}/socket.io/?EIO=4&transport=polling"

    def knock():
        with contextlib.suppress(httpx.HTTPError), httpx.Client() as program:
            for _ in range(50):
                program.get(url)

    flood = [threading.Thread(target=knock, daemon=True) for _ in range(8)]
    for thread in flood:
        thread.start()
    assert is_fine(lesson)
    for thread in flood:
        thread.join(30)
    assert is_fine(lesson)


def test_a_client_that_does_not_read_holds_nobody_up(lesson):
    with websocket(lesson) as asleep, lesson.socket() as awake, lesson.socket() as busy:
        asleep.sendall(frame(b"40/board,"))
        for number in range(100):
            busy.call("ask", {"text": f"{number} " + "x" * 270, "key": secrets.token_hex(8)})

        assert len(awake.take(100, "question_asked", within=5)) == 100


def test_the_log_has_what_was_asked_and_obeys_nobody(lesson):
    before = list(lesson.served.api.lines)
    url = urlsplit(lesson.at(0))
    with socket.create_connection((url.hostname, url.port), timeout=10) as raw:
        raw.sendall(
            b"GET /\x1b[2J\x07\xc2\x9b HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n"
        )
        hangs_up(raw)

    assert wait_for(2, lambda: said(lesson, r"/\x1b[2J\x07", since=before)), "so it does not clear your terminal"
    assert not said(lesson, "6.6.6.6", since=before), "a client may write any address there"
    assert all(line.isprintable() for line in new_lines(lesson, before))


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


def test_who_leaves_is_no_error_in_the_log(lesson):
    before = list(lesson.served.api.lines)
    url = urlsplit(lesson.at(0))
    for _ in range(3):
        with socket.create_connection((url.hostname, url.port), timeout=10) as reader:
            reader.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
            assert reader.recv(100)
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # all at once, by RST
        with websocket(lesson) as raw:
            raw.sendall(frame(b"40") + frame(b"1") + frame(b"3") + head(8, True, 0))
            hangs_up(raw)
        with websocket(lesson) as raw:
            raw.sendall(frame(b"40"))

    assert wait_for(5, lambda: len(said(lesson, "/stream", since=before)) >= 3)
    assert is_fine(lesson)
    for words in ("Traceback", "Bad request", "Invalid HTTP", "Bad HTTP"):
        assert not said(lesson, words, since=before)


def said(lesson, words, since):
    """The lines of the log, of all workers, that have these words and were not there before."""
    return [line for line in new_lines(lesson, since) if words in line]


def new_lines(lesson, since):
    return list((Counter(lesson.served.api.lines) - Counter(since)).elements())


def hangs_up(raw):
    """Whether the server ends the connection."""
    with contextlib.suppress(ConnectionError):
        raw.settimeout(5)
        while raw.recv(2**16):
            pass
    return True


def polling(lesson):
    """A connection by long polling, by hand: what posts to it."""
    program = lesson.program()
    address = "/socket.io/?EIO=4&transport=polling"
    sid = json.loads(program.get(address).text[1:])["sid"]
    return lambda content: program.post(f"{address}&sid={sid}", content=content)


@contextlib.contextmanager
def websocket(lesson, more="", sid=None):
    """A WebSocket by hand, with `more` headers; as the upgrade of a connection by long polling if there is a `sid`."""
    url = urlsplit(lesson.at(0))
    with socket.create_connection((url.hostname, url.port), timeout=10) as raw:
        path = f"websocket&sid={sid}" if sid else "websocket"
        raw.sendall(f"{HANDSHAKE.replace('websocket ', f'{path} ')}{more}\r\n".encode())
        said = raw.recv(4096)
        assert said.startswith(b"HTTP/1.1 101"), said
        yield raw


def head(opcode, last, length):
    """The beginning of a client's frame; the mask is zero, so that what follows stays as it is (RFC 6455, 5.2)."""
    first = opcode | (0x80 if last else 0)
    if length < 126:
        return struct.pack(">BBI", first, 0x80 | length, 0)
    if length < 2**16:
        return struct.pack(">BBHI", first, 0xFE, length, 0)
    return struct.pack(">BBQI", first, 0xFF, length, 0)


def frame(text):
    return head(1, True, len(text)) + text


def memory(lesson):
    """Bytes that the API holds in memory."""
    return sum(process.memory_info().rss for process in lesson.processes)


@contextlib.contextmanager
def table_missing(database, table):
    """For the time of the block the database lacks a table."""
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection:
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute(f"ALTER TABLE {table} RENAME TO hidden")
        connection.commit()
        try:
            yield
        finally:
            connection.execute(f"ALTER TABLE hidden RENAME TO {table}")
            connection.commit()


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
