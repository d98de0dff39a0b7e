"""Each engine serves the whole: the API, the event stream, and sockets by both transports."""

import contextlib
import os
import secrets
import shlex
import socket
import sys
import time

import httpx
import psutil
import pytest

from course import running
from course.processes import Process, free_port, wait_for
from course.served import LessonUnderTest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=["eventlet", "gevent", "threading"])
def served(lesson, request, tmp_path_factory):
    with LessonUnderTest(lesson.lesson, tmp_path_factory.mktemp(request.param), request.param) as served:
        assert served.served.api.printed(f"by {request.param}"), "FLASK_ASYNC_MODE says which engine"
        yield served


def test_a_short_event_does_not_wait_for_more(served):
    with served.stream() as stream, served.socket() as anna:
        anna.call("ask", {"text": "?", "key": secrets.token_hex(8)})

        assert stream.next(within=2).data["question"]["text"] == "?", "4,096 bytes would never come"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_two_sockets_talk(served, transport):
    with served.socket(transport=transport) as anna, served.socket(transport=transport) as ben:
        anna.call("ask", {"text": "Do you hear me?", "key": secrets.token_hex(8)})

        assert ben.next("question_asked").data["question"]["text"] == "Do you hear me?"


def test_many_are_served_while_many_wait(served):
    sockets = [served.socket(transport=transport) for transport in ("websocket", "polling") * 20]
    with served.stream() as stream:
        assert served.program().post("/api/questions", json={"text": "All at once"}).status_code == 201
        assert stream.next(within=2).data["question"]["text"] == "All at once"
        for socket in sockets:
            assert socket.next("question_asked", within=5).data["question"]["text"] == "All at once"
            socket.leave()


def test_an_export_keeps_nobody_waiting(served):
    program = served.program()
    for _ in range(5):
        program.post("/api/exports")

    assert httpx.get(f"{served.api}/api/questions", timeout=1).status_code == 200


HEADERS = "HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
UNFINISHED = {
    "nothing": "",
    "half a line": "GET /api/que",
    "half of the headers": f"GET /api/questions {HEADERS}",
    "headers and no body": f"POST /api/questions {HEADERS}Content-Length: 100\r\n\r\n",
    "half a chunk": f"POST /api/questions {HEADERS}Transfer-Encoding: chunked\r\n\r\n20\r\n{{",
    "one request, and no other": f"GET /api/questions {HEADERS}\r\n",
}


@contextlib.contextmanager
def raw(api):
    """A connection by hand."""
    with socket.create_connection(("127.0.0.1", api.ports[0]), timeout=10) as connection:
        yield connection


def files(api):
    """How many files, which connections are too, the server has open."""
    (server,) = api.processes
    return server.num_fds() if hasattr(server, "num_fds") else server.num_handles()


def test_who_begins_and_does_not_go_on_is_given_up(served):
    with served.another_api(REQUEST_SECONDS=1) as api:
        for text in UNFINISHED.values():
            with raw(api) as client:
                client.sendall(text.encode())
                began = time.monotonic()
                while client.recv(4096):
                    pass
                assert time.monotonic() - began < 3, f"{text!r} should not keep the connection open"


def test_who_does_not_read_is_given_up(served):
    with served.another_api(REQUEST_SECONDS=1) as api, raw(api) as client:
        sent = client.getsockname()[1]
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with contextlib.suppress(OSError):  # what has been asked for once too often is not asked for any more
            for _ in range(20_000):
                client.sendall(b"GET /client/socket.io.js HTTP/1.1\r\nHost: localhost\r\n\r\n")

        def is_gone():
            return sent not in {one.raddr.port for one in api.processes[0].net_connections("tcp") if one.raddr}

        assert wait_for(10, is_gone)


def test_readers_that_leave_take_no_files(served):
    before = files(served)
    with contextlib.ExitStack() as crowd:
        for _ in range(50):
            reader = crowd.enter_context(raw(served))
            reader.sendall(f"GET /stream {HEADERS}\r\n".encode())
            assert b"200 OK" in reader.recv(4096)

    assert wait_for(5, lambda: files(served) < before + 10), "the next heartbeat finds out who has left"


def test_a_body_in_chunks_without_an_end_fills_no_memory(served):
    (server,) = served.processes
    before = most = server.memory_info().rss
    with raw(served) as client, contextlib.suppress(OSError):  # it ends the connection, as it should
        client.sendall(f"POST /api/questions {HEADERS}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(1024):
            client.sendall(b"5" * 2**16)
            most = max(most, server.memory_info().rss)

    assert most - before < 24 * 2**20, f"64 MiB were sent, and the server grew by {(most - before) // 2**20} MiB"


def test_who_asks_a_thousand_times_at_once_lets_the_others_have_a_turn(served):
    for _ in range(100):
        served.program().post("/api/questions", json={"text": "x" * 280})
    with raw(served) as client:
        client.sendall(f"HEAD /api/questions {HEADERS}\r\n".encode() * 1000)

        assert httpx.get(f"{served.api}/", timeout=1).status_code == 200


@pytest.mark.skipif(os.name == "nt", reason="Windows counts open files otherwise")
@pytest.mark.parametrize("engine", ["eventlet", "gevent", "threading"])
def test_more_connections_than_the_system_allows_do_not_end_it(lesson, engine):
    port = free_port()
    env = {**lesson.served.env, "FLASK_ASYNC_MODE": engine, "FLASK_API_URL": f"http://localhost:{port}"}
    command = f"ulimit -n 200 && exec {shlex.quote(sys.executable)} -m {lesson.lesson.package}"
    with Process("bash", "-c", command, cwd=lesson.lesson.home, env=env) as api, contextlib.ExitStack() as crowd:
        api.wait_until_it_answers(port, "The API")
        for _ in range(300):
            crowd.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        crowd.close()

        def answers():
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(f"http://localhost:{port}/api/questions", timeout=2).status_code == 200

        assert wait_for(15, answers), "it should be there when the crowd has gone"


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="only Linux lets another process set the limit")
def test_when_no_file_is_left_it_serves_on(served):
    with served.another_api() as api, contextlib.ExitStack() as crowd:
        (server,) = api.processes
        allowed = server.rlimit(psutil.RLIMIT_NOFILE)
        most = files(api) + 5
        server.rlimit(psutil.RLIMIT_NOFILE, (most, allowed[1]))
        for _ in range(20):
            crowd.enter_context(raw(api))
        assert wait_for(2, lambda: files(api) == most)
        crowd.close()
        server.rlimit(psutil.RLIMIT_NOFILE, allowed)

        assert httpx.get(f"{api.api}/api/questions", timeout=5).status_code == 200


def test_an_engine_that_is_not_there_is_named(lesson):
    process = running.start_api(lesson.lesson, {**lesson.served.env, "FLASK_ASYNC_MODE": "asyncio"})
    with process:
        assert process.printed("There is no engine asyncio: FLASK_ASYNC_MODE is eventlet, gevent or threading.")


def test_debug_mode_says_that_nothing_is_reloaded(lesson):
    with lesson.another_api(DEBUG=1) as api:
        assert api.served.api.printed("Debug mode does not reload here: stop this and start it again"), "nobody is told"


def test_a_port_that_is_taken_is_named_with_the_cure(lesson):
    for engine in ("eventlet", "gevent", "threading"):
        with running.start_api(lesson.lesson, {**lesson.served.env, "FLASK_ASYNC_MODE": engine}) as process:
            assert process.printed(r"Port \d+ cannot be had: Address already in use. Choose another", within=15)
