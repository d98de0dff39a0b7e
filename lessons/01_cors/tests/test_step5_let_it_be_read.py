"""Step 5: a script reads only the headers that were exposed to it."""

import json


def test_the_answers_expose_the_headers_the_page_needs(lesson):
    exposed = lesson.visitor().get("/api/questions").headers.get("Access-Control-Expose-Headers", "")

    assert {"X-Total-Count", "Location"} <= {name.strip() for name in exposed.split(",")}


def test_a_script_reads_how_many_questions_there_are(lesson, alice):
    lesson.program().post("/api/questions", json={"text": "How many are we?"})

    assert int(alice.fetch(f"{lesson.api}/api/questions").headers.get("x-total-count", 0)) >= 1


def test_a_script_reads_where_its_question_went(lesson, alice):
    body = json.dumps({"text": "Where am I?"})
    answer = alice.fetch(
        f"{lesson.api}/api/questions", method="POST", headers={"Content-Type": "application/json"}, body=body
    )

    assert answer.headers.get("location", "").startswith("/api/questions/")


def test_a_header_that_was_not_exposed_stays_hidden(lesson, alice):
    assert "Vary" in lesson.visitor().get("/api/questions").headers, "the server sends it"
    assert "vary" not in alice.fetch(f"{lesson.api}/api/questions").headers, "and the browser keeps it to itself"
