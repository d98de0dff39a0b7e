"""Step 3: a change by any way in reaches everybody."""

import secrets

from course.testkit.sockets import each_way


def test_who_waves_waves_to_all_the_others(lesson):
    with lesson.socket("/") as anna, lesson.socket("/") as ben, lesson.socket("/", transport="polling") as cleo:
        anna.send("wave", "Anna", namespace="/")

        assert ben.next("wave").data == cleo.next("wave").data == "Anna"
        assert anna.silent("wave"), "include_self=False leaves out who waves"


def test_an_http_request_speaks_to_every_socket(lesson):
    with lesson.socket("/") as anna, lesson.socket("/", transport="polling") as ben:
        lesson.program().post("/hello", content="Lunch is ready")

        assert anna.next("message").data == ben.next("message").data == "Lunch is ready"
        assert lesson.visitor("http://elsewhere.example").post("/hello", content="Spam").status_code == 403
        assert anna.silent("message"), "a page elsewhere should not speak to them"


@each_way
def test_everybody_receives_a_change_by_either_way_in(lesson, client, transport):
    http = lesson.visitor()
    with lesson.socket() as anna, lesson.socket(client=client, transport=transport) as ben:
        id = anna.call("ask", {"text": "By socket?", "key": secrets.token_hex(8)})["question"]["id"]
        where = http.post("/api/questions", json={"text": "By HTTP?"}).headers["Location"]
        http.put(f"/api/questions/{id}/vote")
        http.delete(where)
        types = ["question_asked", "question_asked", "question_changed", "question_withdrawn"]

        received = ben.take(4, *types)
        assert [event.type for event in received] == types, "ben should receive each change, in order"
        assert [event.data for event in anna.take(4, *types)] == [event.data for event in received], "and anna the same"

    assert received[2].data["question"]["votes"] == 1
    assert "mine" not in received[0].data["question"], "what all receive does not say whose it is"


def test_a_question_asked_in_one_window_appears_in_the_other_by_socket(alice, bob):
    assert alice.sees("WebSocket", within=5)
    assert bob.sees("WebSocket", within=5)
    alice.ask("Can you hear me?")

    assert bob.sees("Can you hear me?"), "bob's page should show alice's question"
