"""Each engine serves the whole: the API, the event stream, and sockets by both transports."""

import contextlib
import os
import secrets
import shlex
import socket
import sys

import httpx
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
