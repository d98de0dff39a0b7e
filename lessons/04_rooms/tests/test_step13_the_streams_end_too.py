"""Step 13: what was opened for somebody ends with it: streams, rooms, and connections that changed hands."""

import json
import secrets

import pytest

from course.processes import wait_for

PHYSICS = {"room": "physics"}


def name_of(visitor):
    return visitor.get("/api/me").json()["name"]


def ask(socket, text, room="physics"):
    acked = socket.call("ask", {"room": room, "text": text, "key": secrets.token_hex(8)})
    return acked["question"]


def test_signing_out_ends_every_stream_at_once(lesson):
    ada = lesson.person("ada")
    with (
        lesson.socket(visitor=lesson.person("grace")),
        lesson.stream("room:physics", visitor=ada) as stream,
        lesson.stream(visitor=ada) as lobby,
    ):
        assert ada.post("/api/logout").status_code == 204

        assert stream.next(within=2) is None
        assert lobby.next(within=2) is None


def test_who_is_removed_from_a_room_reads_nothing_more_at_once(lesson):
    grace, ben = lesson.person("grace"), lesson.person("ben")
    lesson.join(ben)
    with lesson.stream("room:physics", visitor=ben) as stream:
        assert grace.delete("/api/rooms/physics/members/ben").status_code == 204

        assert stream.next(within=2) is None


def test_a_stream_ends_even_if_nobody_ever_opened_a_socket(lesson):
    with lesson.another_api() as api:
        ada = api.person("ada")
        with api.stream("room:physics", visitor=ada) as stream:
            ada.post("/api/logout")
            assert stream.next(within=2) is None


def test_who_signs_in_as_somebody_else_is_that_in_every_tab(lesson):
    visitor = lesson.visitor()
    visitor.put("/api/browser")
    for name, auth in (("ada", None), ("ben", PHYSICS)):
        with lesson.socket(visitor=visitor, auth=auth) as other_tab:
            visitor.post("/api/login", json={"name": name, "password": "live-flask"})
            assert other_tab.ends(within=2), "the tab comes back with the new session"
    assert name_of(visitor) == "ben"


def test_a_token_for_one_namespace_makes_nobody_of_another(lesson):
    token = lesson.program().post("/api/tokens", json={"name": "ada", "password": "live-flask"}).json()["token"]
    client = lesson.program()  # Socket.IO by hand, for its clients send one `auth` to all namespaces
    address = "/socket.io/?EIO=4&transport=polling"
    address += f"&sid={client.get(address).text.split(chr(34))[3]}"
    client.post(address, content="40/board,")
    client.post(address, content="40/jobs," + json.dumps({"token": token, "room": "physics"}))
    client.post(address, content='42/board,1["enter",{"room":"physics"}]')

    answers = []
    assert wait_for(2, lambda: answers.append(client.get(address).text) or "43/board,1" in answers[-1])
    client.post(address, content="1")  # Engine.IO's goodbye
    assert "somebody else by now" in answers[-1]


def test_a_closed_room_is_gone_for_all_who_were_in_it(lesson):
    grace, ada = lesson.person("grace"), lesson.person("ada")
    assert grace.post("/api/rooms", json={"name": "history", "code": "1789"}).status_code == 201
    assert ada.post("/api/rooms/history/members", json={"code": "1789"}).status_code == 201
    with lesson.socket(visitor=ada) as learner, lesson.stream("room:history", visitor=ada) as stream:
        learner.call("enter", {"room": "history"})
        question = ask(learner, "Was it all in vain?", room="history")
        assert stream.next().type == "question_asked"

        assert grace.delete("/api/rooms/history").status_code == 204

        assert learner.next("closed").data == {"room": "history"}
        assert stream.next() is None, "the stream should end"
        assert "no such room" in learner.call("enter", {"room": "history"})["error"]
        assert "no such question" in learner.call("vote", {"id": question["id"]})["error"]
    assert ada.get("/api/questions?room=history").status_code == 404


@pytest.mark.long
def test_a_new_password_from_another_process_ends_streams_too(lesson):
    lesson.flask("users", "add", "hana", "--password", "one")
    hana = lesson.person("hana", "one")
    with lesson.stream(visitor=hana) as stream:
        lesson.flask("users", "password", "hana", "--password", "two")

        assert stream.next(within=5) is None
    assert name_of(hana) is None
    assert name_of(lesson.person("hana", "two")) == "hana"
