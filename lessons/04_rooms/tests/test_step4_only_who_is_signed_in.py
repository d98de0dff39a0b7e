"""Step 4: a guest is in the lobby and nowhere else, and who is signed in signs with her own name."""

import secrets

import pytest
from socketio.exceptions import ConnectionError

from course.testkit.sockets import first_way


def test_a_room_refuses_who_is_not_signed_in(lesson):
    with pytest.raises(ConnectionError, match="Sign in first"):
        lesson.socket(auth={"room": "physics"})
    with lesson.socket() as guest:
        assert "Sign in first" in guest.call("enter", {"room": "physics"})["error"]


def test_a_guest_is_refused_at_every_way_into_a_room(lesson):
    guest = lesson.visitor()
    ways = ["/api/questions?room=physics", "/stream?channel=room:physics"]
    with lesson.socket() as socket:
        refused = [socket.call("catch_up", {"room": "physics", "after": 0})["error"]]
        sent = {"room": "physics", "text": "May I?", "key": secrets.token_hex(8)}
        refused.append(socket.call("ask", sent)["error"])

    assert refused == ["Sign in first: only the lobby is open to all."] * 2
    assert [guest.get(way).status_code for way in ways] == [401, 401]
    assert guest.post("/api/questions?room=physics", json={"text": "May I?"}).status_code == 401
    assert guest.post("/api/questions", json={"text": "And here?"}).status_code == 201, "the lobby is open to all"


@first_way
def test_an_event_knows_who_sends_it(lesson, client, transport):
    ada = lesson.person("ada")
    with lesson.socket(visitor=ada, client=client, transport=transport) as socket:
        sent = {"text": "Who am I?", "author": "grace", "key": secrets.token_hex(8)}
        question = socket.call("ask", sent)["question"]

    assert question["author"] == "ada", "who is signed in signs with her own name"
    assert ada.post("/api/questions", json={"text": "And by HTTP?", "author": "grace"}).json()["author"] == "ada"
    on_her_phone = lesson.sign_in("ada")
    assert on_her_phone.get(f"/api/questions/{question['id']}").json()["mine"], "she is ada on every device"


def test_who_asks_in_a_room_signs_with_her_own_name(lesson):
    with lesson.socket(visitor=lesson.person("ada")) as socket:
        sent = {"room": "physics", "text": "Who asks?", "author": "grace", "key": secrets.token_hex(8)}
        question = socket.call("ask", sent)["question"]

    assert question["author"] == "ada"
