"""Each engine serves the whole: the API, the event stream, and sockets by both transports."""

import secrets

import httpx
import pytest

from course import running
from course.testkit.served import LessonUnderTest


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


def test_an_engine_that_is_not_there_is_named(lesson):
    process = running.start_api(lesson.lesson, {**lesson.served.env, "FLASK_ASYNC_MODE": "asyncio"})
    with process:
        assert process.printed("There is no engine asyncio: FLASK_ASYNC_MODE is eventlet, gevent or threading.")


def test_a_port_that_is_taken_is_named_with_the_cure(lesson):
    for engine in ("eventlet", "gevent", "threading"):
        with running.start_api(lesson.lesson, {**lesson.served.env, "FLASK_ASYNC_MODE": engine}) as process:
            assert process.printed(r"Port \d+ cannot be had: Address already in use. Choose another")
