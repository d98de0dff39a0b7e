"""Step 7: CORS stops no request; what protects the board are checks on the server."""

import pytest


def test_a_program_asks_without_any_origin(lesson):
    answer = lesson.program().post("/api/questions", json={"text": "Am I a browser?"})

    assert answer.status_code == 201, "CORS is no shield for the server: a program may do what it likes"


@pytest.mark.parametrize("origin", ["http://localhost:9999", "{page}.evil.example", "{page}/", "null"])
def test_a_change_that_another_page_sends_is_refused(lesson, origin):
    stranger = lesson.visitor(origin.format(page=lesson.page))

    answer = stranger.post("/api/questions", json={"text": "Forged!"})

    assert answer.status_code == 403, "the server itself should look at Origin"
    assert answer.json()["error"].endswith("may change the board."), "and say why"
    assert "Forged!" not in lesson.program().get("/api/questions").text


def test_a_request_that_needs_no_preflight_reaches_the_server_and_is_refused_there(lesson, mallory):
    forged = '{"text": "Asked behind your back"}'
    address = "/api/questions?from=mallory"
    mallory.fetch(f"{lesson.api}{address}", method="POST", mode="no-cors", credentials="include", body=forged)

    assert not lesson.requests("OPTIONS", address, within=0)
    assert " 403 " in lesson.requests("POST", address)[0], "no-cors sends it at once, so the server has to refuse it"
    assert "behind your back" not in lesson.program().get("/api/questions").text


def test_nobody_changes_somebody_elses_question(lesson):
    question = lesson.visitor().post("/api/questions", json={"text": "Hands off"}).headers["Location"]

    assert lesson.visitor().patch(question, json={"text": "Mine now"}).status_code == 403
    assert lesson.visitor().delete(question).status_code == 403
    assert lesson.program().get(question).json()["text"] == "Hands off"
