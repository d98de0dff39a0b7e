"""Step 11: a question that is sent again, because no acknowledgement came, is asked once."""

import secrets

import pytest

from course.testkit.sockets import each_way


@pytest.mark.parametrize(
    ("sent", "why"), [({}, "Send a key"), ({"key": None}, "A key must be a text"), ({"key": "k" * 81}, "0 to 80")]
)
def test_a_question_has_a_key(lesson, sent, why):
    with lesson.socket() as anna:
        assert why in anna.call("ask", {"text": "x", **sent})["error"]


@each_way
def test_who_asks_twice_with_one_key_has_asked_once(lesson, client, transport):
    key, before = secrets.token_hex(8), lesson.newest()
    with lesson.socket(client=client, transport=transport) as anna:
        first = anna.call("ask", {"text": "Did you get this?", "key": key})
        again = anna.call("ask", {"text": "Did you get this?", "key": key})
    with lesson.socket(client=client, transport=transport) as anna:  # the answer was lost with the connection
        late = anna.call("ask", {"text": "Did you get this?", "key": key})
    by_http = lesson.visitor().post("/api/questions", json={"text": "Did you get this?", "key": key})

    ids = [acked["question"]["id"] for acked in (first, again, late)] + [by_http.json()["id"]]
    assert set(ids) == {first["question"]["id"]}
    with lesson.socket(auth={"after": before}) as ben:
        ben.next("online")
        asked = [event for event in ben.heard if event.type == "question_asked"]
        assert [event.data["question"]["id"] for event in asked].count(ids[0]) == 1, "and everybody heard it once"


def test_a_key_belongs_to_one_question(lesson):
    key = secrets.token_hex(8)
    with lesson.socket() as anna:
        question = anna.call("ask", {"text": "One", "key": key})["question"]
        assert "belongs to another question" in anna.call("ask", {"text": "Two", "key": key})["error"]
        anna.call("withdraw", {"id": question["id"]})
        assert "no such question" in anna.call("ask", {"text": "One", "key": key})["error"], "it is not asked again"


def test_a_page_survives_the_server_and_asks_once(lesson, alice, bob):
    assert alice.sees("WebSocket", within=5)
    with lesson.api_stopped():
        alice.ask("Asked while nobody was there")
        assert alice.sees("did not answer")
    alice.page.get_by_role("button", name="Ask", exact=True).click()

    assert bob.sees("Asked while nobody was there", within=10)
    assert bob.question("Asked while nobody was there").count() == 1
    assert alice.sees("WebSocket", within=10)
