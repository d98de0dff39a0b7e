"""Nothing is lost when the server goes, and two servers share one database."""

import contextlib
import os
import shutil
import signal

import httpx
import psutil
import pytest

from course.catalogue import Lesson
from course.processes import free_port
from course.running import serve, start_api

pytestmark = pytest.mark.long


def test_questions_votes_and_identities_survive_a_kill(lesson):
    anna = lesson.visitor()
    location = anna.post("/api/questions", json={"text": "Will I be here tomorrow?"}).headers["Location"]
    anna.put(f"{location}/vote")

    with lesson.api_stopped(), pytest.raises(httpx.ConnectError):
        anna.get(location)

    again = lesson.visitor(cookies=anna.cookies).get(location).json()
    assert again["text"] == "Will I be here tomorrow?"
    assert again["votes"] == 1 and again["mine"] and again["voted"]


def test_two_servers_work_on_one_file(lesson):
    with serve(lesson.lesson, env=lesson.env) as second:
        here = lesson.visitor(timeout=20)
        there = lesson.visitor(second.page_url, base_url=second.api_url, timeout=20)
        for number in range(30):
            assert here.post("/api/questions", json={"text": f"here {number}"}).status_code == 201
            assert there.post("/api/questions", json={"text": f"there {number}"}).status_code == 201

        for visitor in (here, there):
            texts = [question["text"] for question in visitor.get("/api/questions").json()]
            assert (
                sum(text.startswith("here") for text in texts) == sum(text.startswith("there") for text in texts) == 30
            )


@pytest.mark.parametrize("attempt", range(2))
def test_two_servers_that_start_at_once_agree_on_tables_and_key(lesson, tmp_path, attempt):
    copy = Lesson(shutil.copytree(lesson.lesson.folder, tmp_path / "copied"))
    ports = [free_port(), free_port()]
    first, second = (
        start_api(copy, {"FLASK_API_URL": f"http://localhost:{port}", "FLASK_PAGE_ORIGIN": lesson.page})
        for port in ports
    )
    with first, second:
        first.wait_until_it_answers(ports[0], "The first")
        second.wait_until_it_answers(ports[1], "The second")
        one = lesson.visitor(base_url=f"http://localhost:{ports[0]}")
        answer = one.post("/api/questions", json={"text": "Do you know me?"})
        assert answer.status_code == 201, "\n".join([answer.text, *first.lines])
        location = answer.headers["Location"]

        other = lesson.visitor(base_url=f"http://localhost:{ports[1]}", cookies=one.cookies)
        assert other.get(location).json()["mine"], "the second should accept the cookie that the first signed"


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such signals")
@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("engine", ["eventlet", "gevent", "threading"])
def test_one_word_ends_it_whoever_is_connected(lesson, engine, word):
    if not lesson.lesson.has_engines and engine != "threading":
        pytest.skip("this lesson knows no engines")
    with lesson.another_api(ASYNC_MODE=engine) as api, contextlib.ExitStack() as crowd:
        assert api.visitor().get("/api/questions").status_code == 200, "and this connection stays"
        if lesson.lesson.needs_redis:
            crowd.enter_context(api.stream())
        if lesson.lesson.has_engines:
            for transport in ("websocket", "polling"):
                crowd.enter_context(api.socket(transport=transport))
        (server,) = api.processes
        server.send_signal(word)
        assert psutil.wait_procs([server], timeout=2)[0], "it should be gone"
