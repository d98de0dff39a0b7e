"""Step 8: who has the code of a room becomes a member, and to all others it is not there."""

import secrets

import pytest
from socketio.exceptions import ConnectionError

from course.testkit.sockets import first_way

PHYSICS = {"room": "physics"}


def newcomer(lesson):
    """Somebody who can sign in, and belongs to no room."""
    name = f"kim-{secrets.token_hex(4)}"
    lesson.users(["add", name, "--password", "x"])
    return lesson.sign_in(name, "x")


def said(answer):
    return answer.status_code, answer.json()


def test_a_room_that_one_does_not_belong_to_is_answered_as_one_that_is_not_there(lesson):
    kim = newcomer(lesson)
    id = lesson.person("ada").post("/api/questions?room=physics", json={"text": "For members?"}).json()["id"]
    for path in ("/api/questions?room={}", "/api/rooms/{}", "/stream?channel=room:{}"):
        theirs, none = (said(kim.get(path.format(room))) for room in ("physics", "nowhere"))
        assert theirs[0] == 404, path
        assert theirs == none, path
    assert kim.get(f"/api/questions/{id}").status_code == 404, "its number gives nothing away"
    with pytest.raises(ConnectionError, match="no such room"):
        lesson.socket(visitor=kim, auth=PHYSICS)
    with lesson.socket(visitor=kim) as socket:
        assert "no such room" in socket.call("enter", PHYSICS)["error"]


@first_way
def test_who_has_the_code_becomes_a_member(lesson, client, transport):
    kim = newcomer(lesson)
    with lesson.socket(visitor=kim, client=client, transport=transport) as socket:
        assert "no such room" in socket.call("enter", PHYSICS)["error"]
        lesson.join(kim)
        assert socket.call("enter", PHYSICS)["ok"], "the same connection, for each event looks again"
    assert [room["name"] for room in kim.get("/api/me").json()["rooms"]] == ["lobby", "physics"]
    assert kim.get("/api/questions?room=physics").status_code == 200
    assert "grace" in kim.get("/api/rooms/physics").json()["members"]


def test_a_wrong_code_is_answered_as_a_room_that_is_not_there(lesson):
    kim = newcomer(lesson)
    tried = [kim.post(f"/api/rooms/{room}/members", json={"code": "wrong"}) for room in ("physics", "nowhere")]

    assert [answer.status_code for answer in tried] == [404, 404]
    assert tried[0].json() == tried[1].json()
    assert lesson.visitor().post("/api/rooms/physics/members", json={"code": "x"}).status_code == 401


def test_the_page_joins_a_room(lesson, window):
    name = f"kim-{secrets.token_hex(4)}"
    lesson.users(["add", name, "--password", "x"])
    kim = window(lesson.page)
    kim.sign_in(name, "x")
    kim.page.get_by_text("Another room").click()
    kim.page.get_by_label("Its name").fill("physics")
    kim.page.get_by_label("Its code").fill("wrong")
    kim.page.get_by_role("button", name="Join", exact=True).click()

    assert kim.sees("There is no room with this name and code.")
