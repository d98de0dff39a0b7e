"""Step 9: one setting chooses what serves the API, and its log is the same."""

import socket
import struct
from urllib.parse import urlsplit

import pytest

from course.processes import wait_for
from course.testkit.raw import frame, hangs_up, head, is_fine, new_lines, said, websocket


@pytest.mark.parametrize(
    "engine",
    ["gevent", pytest.param("eventlet", marks=pytest.mark.long), pytest.param("threading", marks=pytest.mark.long)],
)
def test_one_setting_chooses_the_engine(lesson, engine):
    with lesson.another_api(ASYNC_MODE=engine) as api, api.socket("/") as anna:
        assert api.served.api.printed(f"by {engine}", within=2), "the server should say what serves it"
        anna.send("message", "hello", namespace="/")

        assert anna.next("message").data == "hello"


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
