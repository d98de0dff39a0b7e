"""Step 4: one connection carries many namespaces, and what belongs to one is not heard in another."""

import secrets

import pytest
from socketio.exceptions import ConnectionError

from course.testkit.sockets import NodeSocket, PythonSocket, each_way


@each_way
def test_one_connection_has_a_namespace_for_each_conversation(lesson, client, transport):
    with lesson.socket("/", "/board", "/jobs", client=client, transport=transport) as anna:
        anna.send("message", "hello", namespace="/")
        assert anna.next("message").namespace == "/"
        assert anna.call("ask", {"text": "Are you there?", "key": secrets.token_hex(8)})["ok"] is True
        assert anna.next("question_asked").namespace == "/board"
        assert anna.call("start_export", namespace="/jobs")["job"]


def test_who_did_not_join_a_namespace_hears_nothing_of_it(lesson):
    with lesson.socket("/") as anna, lesson.socket("/board") as ben:
        lesson.program().post("/api/questions", json={"text": "Who hears this?"})

        assert ben.next("question_asked").data["question"]["text"] == "Who hears this?"
        assert anna.silent("question_asked")


@pytest.mark.parametrize("client", [PythonSocket, NodeSocket])
def test_a_namespace_that_is_not_there_is_refused(lesson, client):
    with lesson.socket("/board") as anna:
        assert anna.call("ask", {"text": "Are you there?", "key": secrets.token_hex(8)})["ok"]
    with pytest.raises(ConnectionError):
        lesson.socket("/nowhere", client=client)


def test_a_verb_of_one_namespace_does_nothing_in_another(lesson):
    with lesson.socket("/", "/board") as anna:
        assert anna.call("ask", {"text": "Are you there?", "key": secrets.token_hex(8)})["ok"]
        assert anna.next("question_asked").namespace == "/board"
        anna.send("ask", {"text": "Wrong namespace", "key": "wrong namespace"}, namespace="/")

        assert anna.silent("question_asked")
