"""Step 14: the teachers of a room see its questions in a table, made on the server, which hears of news."""

import json
import re

import pytest
from socketio.exceptions import ConnectionError

from course.processes import wait_for
from course.testkit.school import PEOPLE, school_of

SIGN_IN, NO_ROOM, TEACHERS = "Sign in first", "no such room", "Only a teacher of this room"

CONNECTS = {  # the namespace and the auth, and who is let in
    "its desk": ("/desk", {"room": "physics"}, SIGN_IN, TEACHERS, NO_ROOM, NO_ROOM, True),
    "a desk without a room": ("/desk", {}, SIGN_IN, NO_ROOM, NO_ROOM, NO_ROOM, NO_ROOM),
}


def test_the_teacher_of_a_room_sees_its_questions(lesson):
    lesson.person("ada").post("/api/questions?room=physics", json={"text": "<b>Is it bold?</b>"})
    grace = lesson.person("grace")

    assert "physics" in grace.get("/desk").text
    table = grace.get("/desk/physics")
    assert table.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "&lt;b&gt;Is it bold?&lt;/b&gt;" in table.text, "Jinja makes text harmless"


def test_a_learner_has_no_desk(lesson):
    refused = lesson.person("ada").get("/desk/physics")

    assert refused.status_code == 403
    assert "Only a teacher of this room may do that." in refused.text


def test_an_open_desk_hears_that_something_changed(lesson):
    with lesson.socket("/desk", visitor=lesson.person("grace"), auth={"room": "physics"}) as desk:
        lesson.person("ada").post("/api/questions?room=physics", json={"text": "News?"})
        assert set(desk.next("changed").data) == {"seq"}, "what it is, the page fetches"


@pytest.mark.parametrize("where", CONNECTS)
def test_by_connecting(lesson, where):
    school = school_of(lesson)
    namespace, auth, *expected = CONNECTS[where]

    for name, wanted in zip(PEOPLE, expected, strict=True):
        try:
            lesson.socket(namespace, visitor=school.visitors[name], auth=auth).leave()
            said = True
        except ConnectionError as error:
            said = str(error)
        assert said is True if wanted is True else wanted in str(said), (name, said)


def test_a_room_that_is_not_yours_is_answered_as_one_that_is_not_there(lesson):
    lea = school_of(lesson).visitors["lea"]
    paths = ["/api/questions?room={}", "/api/rooms/{}", "/stream?channel=room:{}", "/desk/{}"]
    for path in paths:
        known, guessed = (answered(lea.get(path.format(room))) for room in ("physics", "nowhere"))
        assert known == guessed, path
    known, guessed = (lea.post(f"/api/rooms/{room}/members", json={"code": "x"}) for room in ("physics", "nowhere"))
    assert answered(known) == answered(guessed)


def answered(answer):
    """Status and text of an answer, without the token in its form, which is another each second."""
    return answer.status_code, re.sub(r'name="csrf_token".+?value=".+?"', "", answer.text)


def test_a_connection_does_not_become_somebody_elses(lesson):
    token = lesson.program().post("/api/tokens", json={"name": "ada", "password": "live-flask"}).json()["token"]
    client = lesson.program()  # Socket.IO by hand, for its clients send one `auth` to all namespaces
    address = "/socket.io/?EIO=4&transport=polling"
    address += f"&sid={client.get(address).text.split(chr(34))[3]}"
    client.post(address, content="40/board,")
    client.post(address, content="40/desk," + json.dumps({"token": token, "room": "physics"}))
    client.post(address, content='42/board,1["enter",{"room":"physics"}]')

    answers = []
    assert wait_for(2, lambda: answers.append(client.get(address).text) or "43/board,1" in answers[-1])
    client.post(address, content="1")  # Engine.IO's goodbye
    assert "somebody else by now" in answers[-1]
