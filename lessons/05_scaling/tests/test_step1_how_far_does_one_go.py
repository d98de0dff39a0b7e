"""Step 1: who wants more workers first has to know what one does: it says who it is, and measures itself."""

import httpx
import pytest

from course.processes import wait_for


def numbers(lesson, name="grace"):
    """What the workers measure, as a teacher sees it."""
    answer = lesson.person(name).get("/hall/numbers")
    assert answer.status_code == 200, "a teacher should see the numbers"
    return answer.json()["workers"]


def test_a_page_may_read_who_it_was(lesson):
    answer = lesson.visitor().get("/api/questions")

    assert "X-Worker" in answer.headers["Access-Control-Expose-Headers"]


def test_every_answer_says_who_gave_it(lesson):
    for path in ("/api/questions", "/ready", "/nothing", "/stream"):
        with lesson.program().stream("GET", path) as answer:
            assert answer.headers["X-Worker"], path
    with lesson.socket() as socket:
        assert socket.next("online").data["worker"] == httpx.get(f"{lesson.api}/ready").json()["worker"]


def test_it_counts_whom_it_serves(lesson):
    def serves(clients, streams):
        return served(lesson, "clients") == clients and served(lesson, "streams") == streams

    assert wait_for(60, lambda: serves(0, 0)), "those of the tests before are given up"
    with lesson.socket(), lesson.socket(), lesson.stream():
        assert wait_for(10, lambda: serves(2, 1)), numbers(lesson)
    assert wait_for(10, lambda: serves(0, 0)), numbers(lesson)


def served(lesson, what):
    (worker,) = numbers(lesson).values()
    return worker[what]


def test_it_knows_how_much_it_sends_and_how_long_that_takes(lesson):
    with lesson.socket() as socket, lesson.socket():
        before = served(lesson, "sent")
        for number in range(10):
            lesson.visitor().post("/api/questions", json={"text": f"Question {number}"})
        socket.take(10, "question_asked", within=5)
        assert wait_for(3, lambda: served(lesson, "sent") >= before + 20), "ten events to two clients"
        assert 0 < served(lesson, "median") <= served(lesson, "slowest") < 5, "in seconds"
        assert 10 * 2**20 < served(lesson, "memory") < 2**30, "in bytes"


@pytest.mark.parametrize("name", [None, "ada"])
def test_the_numbers_are_for_teachers(lesson, name):
    visitor = lesson.person(name) if name else lesson.visitor()
    for path in ("/hall", "/hall/numbers"):
        answer = visitor.get(path)
        assert answer.status_code == (403 if name else 302)
        assert "memory" not in answer.text


def test_the_hall_fits_on_a_phone(lesson, window):
    phone = window(f"{lesson.api}/hall", viewport={"width": 360, "height": 740}, has_touch=True)
    phone.sign_in("grace")
    phone.page.get_by_role("link", name="how the workers do").click()

    assert phone.shows(phone.page.get_by_role("row").nth(1), within=5)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360, "nothing should stick out"
