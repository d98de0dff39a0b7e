"""Step 4: one connection carries many namespaces, and what belongs to one is not heard in another."""

import pytest
from socketio.exceptions import ConnectionError

from course.testkit.sockets import NodeSocket, PythonSocket, each_way


@each_way
def test_three_namespaces_share_one_connection(lesson, client, transport):
    with lesson.socket("/", "/board", "/jobs", client=client, transport=transport) as anna:
        anna.send("message", "hello", namespace="/")
        assert anna.call("catch_up", {"after": 0})["ok"] is True
        assert anna.call("start_export", namespace="/jobs")["ok"] is True
        assert anna.next("job_done", within=10).namespace == "/jobs"

        assert {event.namespace for event in anna.heard if event.type == "message"} == {"/"}
        assert {event.namespace for event in anna.heard if event.type in {"pulse", "here"}} == {"/board"}


def test_who_did_not_join_a_namespace_hears_nothing_of_it(lesson):
    with lesson.socket("/") as anna, lesson.socket("/board") as ben:
        lesson.program().post("/api/questions", json={"text": "Who hears this?"})

        assert ben.next("question_asked").data["question"]["text"] == "Who hears this?"
        assert anna.silent("question_asked")


@pytest.mark.parametrize("client", [PythonSocket, NodeSocket])
def test_a_namespace_that_is_not_there_is_refused(lesson, client):
    with lesson.socket("/board") as anna:
        assert anna.call("catch_up", {"after": 0})["ok"]
    with pytest.raises(ConnectionError):
        lesson.socket("/nowhere", client=client)


def test_a_verb_of_one_namespace_does_nothing_in_another(lesson):
    with lesson.socket("/", "/board") as anna:
        assert anna.call("catch_up", {"after": 0})["ok"]
        anna.send("ask", {"text": "Wrong door", "key": "wrong door"}, namespace="/")

        assert anna.silent("question_asked")
