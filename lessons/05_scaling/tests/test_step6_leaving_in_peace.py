"""Step 6: a worker that is told to go lets nobody in, sends its clients to others, and answers what is under way."""

import contextlib
import secrets
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from course.processes import wait_for
from course.served import served_by
from course.testkit.sockets import first_way
from course.testkit.workers import PYTHON, one_more, serves_the_same_board_and_leaves_in_peace

ENGINES = ["eventlet", *(pytest.param(engine, marks=pytest.mark.long) for engine in ("gevent", "threading"))]
BODY = b'{"text": "Am I too late?"}'
HEAD = (
    b"POST /api/questions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)


@pytest.mark.parametrize("engine", ENGINES)
def test_nobody_is_let_in_any_more_and_who_is_in_is_answered(lesson, engine):
    with (
        one_more(lesson, engine, PYTHON) as (address, process),
        socket.create_connection(("127.0.0.1", urlsplit(address).port), timeout=5) as slow,
    ):
        slow.sendall(HEAD % len(BODY) + BODY[:5])
        assert httpx.get(f"{address}/ready").json()["ready"] is True
        process.popen.send_signal(signal.SIGTERM)
        wait_for(4, lambda: status(address, "/ready") == 503 or not process.running)
        assert status(address, "/ready") == 503, "it should say that it takes no new clients"
        assert status(address, "/api/questions") == 503, "and let nobody in"
        slow.sendall(BODY[5:])
        assert b" 201 " in slow.recv(4096).splitlines()[0], "what is under way should be answered"
        assert wait_for(4, lambda: not process.running), "then it should end"


def status(address, path):
    """The status of an answer; None if there is none."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{address}{path}").status_code


@pytest.mark.parametrize("engine", ENGINES)
def test_a_worker_serves_the_same_board_and_leaves_in_peace(lesson, engine):
    serves_the_same_board_and_leaves_in_peace(lesson, engine, PYTHON)


def test_what_is_under_way_when_a_worker_leaves_is_answered(fleet):
    port = fleet.served.api.add() if fleet.lesson.has_workers else fleet.places[0]
    address, ada = f"http://localhost:{port}", fleet.person("ada")
    sent = {"name": "ada", "password": "live-flask"}  # a password takes a tenth of a second to check
    with (
        fleet.socket(visitor=ada, address=address) as socket,
        fleet.stream(address=address) as stream,
        ThreadPoolExecutor(9) as others,
    ):
        under_way = [others.submit(httpx.post, f"{address}/api/login", json=sent, timeout=20) for _ in range(8)]

        def received():
            """How many the worker has let in; the socket and the stream are two more of its connections."""
            open_ones = served_by(fleet.served.api.workers[port]).net_connections("tcp")
            here = [one for one in open_ones if one.laddr.port == port and one.status == "ESTABLISHED"]
            return len(here) - 2 + sum(answer.done() for answer in under_way)

        assert wait_for(10, lambda: received() >= 8)
        gone = others.submit(fleet.served.api.send_away, port)

        assert wait_for(10, lambda: status(address, "/ready") in {503, None}), "nginx comes first"
        assert socket.ends(within=5), "its clients are sent elsewhere"
        assert stream.next(within=5) is None
        assert {answer.result().status_code for answer in under_way} <= {200, 503}, "answered, or refused in words"
        gone.result()


@first_way
def test_the_clients_of_a_worker_that_leaves_go_to_another(fleet, client, transport):
    port = fleet.served.api.add() if fleet.lesson.has_workers else fleet.places[0]
    with ThreadPoolExecutor(1) as others, contextlib.ExitStack() as crowd:
        here = []
        while not here:  # nginx sends some of them to the new worker
            seat = crowd.enter_context(fleet.socket(client=client, transport=transport, comes_back=True))
            here += [seat] * (seat.next("online").data["worker"] == str(port))
        before = here[0].sid()
        gone = others.submit(fleet.served.api.send_away, port)

        assert here[0].comes_back(before, within=10), "it should be cut off, and not be told to stay away"
        assert here[0].call("ask", {"text": "Here again", "key": secrets.token_hex(8)})["ok"]
        gone.result()
