"""Step 3: before a request that could change something, the browser asks the server, and remembers the answer."""

import pytest


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_preflight_allows_what_the_page_does(lesson, method):
    answer = lesson.preflight("/api/questions/404/vote", method)

    assert answer.is_success, "the preflight should be answered, signed in or not"
    assert answer.headers.get("Access-Control-Allow-Origin") == lesson.page
    assert method in answer.headers.get("Access-Control-Allow-Methods", ""), f"{method} should be allowed"
    assert "content-type" in answer.headers.get("Access-Control-Allow-Headers", "").lower()


def test_the_preflight_allows_nothing_else(lesson):
    answer = lesson.preflight("/api/questions", "PROPFIND")
    assert "Access-Control-Allow-Methods" not in answer.headers, "PROPFIND is no method of ours"

    answer = lesson.preflight("/api/questions", "POST", headers="x-anything")
    assert "Access-Control-Allow-Headers" not in answer.headers, "x-anything is no header of ours"


def test_the_answer_may_be_kept_for_ten_minutes(lesson):
    assert lesson.preflight("/api/questions", "POST").headers.get("Access-Control-Max-Age") == "600"


def test_the_browser_asks_first_and_only_once(lesson, alice):
    vote = lesson.program().post("/api/questions", json={"text": "Once?"}).headers["Location"] + "/vote"

    for _ in range(2):
        answer = alice.fetch(f"{lesson.api}{vote}", method="PUT")
        assert answer.status == 200, "the browser should send the vote once the preflight allowed it"

    assert len(lesson.requests("PUT", vote, at_least=2)) == 2
    assert len(lesson.requests("OPTIONS", vote)) == 1, "the second time there should be no OPTIONS"


def test_a_plain_get_is_sent_without_asking(lesson, alice):
    alice.fetch(f"{lesson.api}/api/questions/1")

    assert lesson.requests("GET", "/api/questions/1")
    assert not lesson.requests("OPTIONS", "/api/questions/1", within=0), "a simple request needs no preflight"
