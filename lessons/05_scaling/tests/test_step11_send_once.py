"""Step 11: an event is framed once for all, and each client still receives everything, once and in order."""

import contextlib
import itertools
import json
import random
import secrets
import socket
import sqlite3
import sys
import threading
import time

import pytest

from course.processes import wait_for
from course.testkit.raw import frame, frames, websocket
from course.testkit.sockets import NodeSocket, PythonSocket

BOARD = b'42/board,["question_'
SEGMENTS = 152  # where Linux has, in its tcp_info, how many segments with data a socket has received


def ask(lesson, text):
    assert lesson.program().post("/api/questions", json={"text": text}).status_code == 201


def happen(lesson, count):
    """So many events in the lobby, in one transaction of another process; gives their numbers."""
    with contextlib.closing(sqlite3.connect(lesson.database, timeout=5)) as database, database:
        add = "UPDATE channel SET last = last + ? WHERE name = 'board' RETURNING last"
        last = database.execute(add, [count]).fetchone()[0]
        numbers = list(range(last - count + 1, last + 1))
        rows = [("board", seq, "question_withdrawn", json.dumps({"seq": seq, "id": 0}), time.time()) for seq in numbers]
        database.executemany("INSERT INTO event (channel, seq, type, data, at) VALUES (?, ?, ?, ?, ?)", rows)
    return numbers


def received(raw, count):
    """The numbers of the next so many events of the board."""
    events = (payload for _, payload in frames(raw) if payload.startswith(BOARD))
    return [json.loads(event.partition(b",")[2])[1]["seq"] for event in itertools.islice(events, count)]


def segments(raw):
    return int.from_bytes(raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)[SEGMENTS:][:4], sys.byteorder)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the segments of a connection")
def test_a_block_of_events_is_written_once(lesson, request):
    if request.config.getoption("--engine") == "threading":
        pytest.skip("in threading mode each event is written by itself")
    with websocket(lesson) as raw, lesson.socket() as ben:
        raw.sendall(frame(b"40/board,"))
        ben.next("online")
        ask(lesson, "The first event of the lobby")
        received(raw, 1)
        before = segments(raw)
        numbers = happen(lesson, 40)

        assert received(raw, 40) == numbers
        assert segments(raw) - before <= 5, "40 events should come in one piece, beside a heartbeat or two"


def test_a_client_that_reads_slowly_receives_all_of_it_in_order(lesson):
    with websocket(lesson, narrow=True) as raw, lesson.socket() as ben:
        raw.sendall(frame(b"40/board,"))
        ben.next("online")
        count = 60
        for number in range(count):
            ask(lesson, f"{number} ".ljust(280, "\N{WAVING HAND SIGN}"))  # 3 KB in JSON
        expected = [event.data["seq"] for event in ben.take(count, "question_asked", within=10)]

        assert received(raw, count) == expected


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_whatever_else_is_sent_each_client_receives_the_log(lesson, seed):
    chance = random.Random(seed)
    ways = [(PythonSocket, "websocket"), (PythonSocket, "polling"), (NodeSocket, "websocket"), (NodeSocket, "polling")]
    before = lesson.newest()
    grace, ada = lesson.person("grace"), lesson.person("ada")
    crowd = [
        lesson.socket(client=client, transport=transport, visitor=person)
        for client, transport in ways
        for person in (grace, ada, None)
    ]
    acked = []

    def acts(socket, moves):
        for move in moves:
            key = secrets.token_hex(8)
            if move == "ask":
                acked.append(socket.call("ask", {"text": f"{key} ".ljust(270, "y"), "key": key}, within=20)["ok"])
            elif move == "vote":
                acked.append(socket.call("vote", {"id": 1}, within=20).get("ok", True))
            else:
                acked.append("error" in socket.call("leave", {"room": "nowhere"}, within=20))

    moves = [chance.choices(("ask", "vote", "leave"), k=12) for _ in crowd]
    threads = [threading.Thread(target=acts, args=pair, daemon=True) for pair in zip(crowd, moves, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(acked) == 12 * len(crowd), "each event should be acknowledged"
    assert all(acked)
    log = crowd[0].call("catch_up", {"after": before})["events"]
    expected = [(event["type"], event["data"]) for event in log]
    for one in crowd:
        assert wait_for(10, lambda one=one: len(heard(one, before)) >= len(expected))
        assert heard(one, before) == expected, "neither lost nor twice nor out of order"
        one.leave()


def heard(socket, after):
    """The events of the board after a number, as they came."""
    board = [event for event in socket.heard if event.type.startswith("question_")]
    return [(event.type, event.data) for event in board if event.data["seq"] > after]
