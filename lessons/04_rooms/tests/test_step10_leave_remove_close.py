"""Step 10: a member leaves or is removed, and a room is closed for good."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from course.testkit.school import PEOPLE, school_of

HTTP = {  # what is tried, and the status of the answer for: a guest, ada, lea, tom, grace
    "remove ada": (lambda s, v: v.delete(f"/api/rooms/{s.doomed()}/members/ada"), 401, 204, 404, 404, 204),
    "remove grace": (lambda s, v: v.delete(f"/api/rooms/{s.doomed()}/members/grace"), 401, 403, 404, 404, 403),
    # grace herself is refused: she is the last who teaches there
    "give it another code": (lambda s, v: v.patch(f"/api/rooms/{s.doomed()}", json={}), 401, 403, 404, 404, 200),
    "close a room": (lambda s, v: v.delete(f"/api/rooms/{s.doomed()}"), 401, 403, 404, 404, 204),
    "close the lobby": (lambda s, v: v.delete("/api/rooms/lobby"), 401, 403, 403, 403, 403),
}  # fmt: skip


@pytest.mark.parametrize("what", HTTP)
def test_over_http(lesson, what):
    school = school_of(lesson)
    do, *expected = HTTP[what]

    answers = [do(school, school.visitors[name]) for name in PEOPLE]

    assert [answer.status_code for answer in answers] == expected
    said = [answer.text for answer in answers if answer.status_code >= 400]
    assert all("traceback" not in text.lower() for text in said)


def test_no_second_room_gets_the_name_of_one_that_was_closed(lesson):
    grace = lesson.person("grace")
    assert grace.post("/api/rooms", json={"name": "once", "code": "x"}).status_code == 201
    grace.delete("/api/rooms/once")

    again = grace.post("/api/rooms", json={"name": "once", "code": "x"})

    assert again.status_code == 400, "or its members would hear what is meant for others"
    assert again.json()["error"] == "There is a room with this name, or was: choose another."


def test_who_leaves_a_room_for_good_is_no_member(lesson):
    ben = lesson.person("ben")
    lesson.join(ben)

    assert ben.delete("/api/rooms/physics/members/ben").status_code == 204
    assert ben.delete("/api/rooms/physics/members/ben").status_code == 404
    assert ben.get("/api/questions?room=physics").status_code == 404


def test_whoever_is_a_member_can_be_removed_whatever_she_is_called(lesson):
    school = school_of(lesson)
    room, name = school.doomed(), f"a/../b?{secrets.token_hex(4)}"
    lesson.flask("users", "add", name, "--password", "x")
    odd = lesson.person(name, "x")
    assert odd.post(f"/api/rooms/{room}/members", json={"code": "x"}).status_code == 201

    removed = school.visitors["grace"].delete(f"/api/rooms/{room}/members/{quote(name, safe='')}")

    assert removed.status_code == 204
    assert odd.get(f"/api/questions?room={room}").status_code == 404


def test_a_room_that_is_closed_ends_what_goes_on_in_it(lesson):
    school = school_of(lesson)
    room = school.doomed()
    with lesson.socket("/jobs", visitor=school.visitors["ada"]) as socket:
        assert socket.call("start_export", {"room": room}, namespace="/jobs")["ok"]
        assert school.visitors["grace"].delete(f"/api/rooms/{room}").status_code == 204
        assert socket.next("job_done", within=3).data["error"] == "The room was closed."


def test_who_was_removed_does_not_come_back_with_the_old_code(lesson):
    school = school_of(lesson)
    room = school.doomed()
    grace, ada = school.visitors["grace"], school.visitors["ada"]
    assert grace.delete(f"/api/rooms/{room}/members/ada").status_code == 204

    assert ada.post(f"/api/rooms/{room}/members", json={"code": "x"}).status_code == 404
    code = next(each["code"] for each in grace.get("/api/me").json()["rooms"] if each["name"] == room)
    assert ada.post(f"/api/rooms/{room}/members", json={"code": code}).status_code == 201, "but with the new one"


def test_a_teacher_gives_a_room_another_code(lesson):
    school = school_of(lesson)
    room = school.doomed()
    grace, ada, lea = school.visitors["grace"], school.visitors["ada"], school.visitors["lea"]

    assert grace.patch(f"/api/rooms/{room}", json={"code": "y"}).json() == {"code": "y"}
    made = grace.patch(f"/api/rooms/{room}", json={}).json()["code"]

    assert len(made) == 8
    assert lea.post(f"/api/rooms/{room}/members", json={"code": "y"}).status_code == 404
    assert ada.patch(f"/api/rooms/{room}", json={"code": "z"}).status_code == 403
    assert grace.patch("/api/rooms/lobby", json={}).status_code == 403
    assert grace.patch(f"/api/rooms/{room}", json={"code": ""}).status_code == 400


@pytest.mark.long
def test_an_export_of_a_room_that_is_being_closed_is_begun_or_refused(lesson):
    school = school_of(lesson)
    grace, ada = school.visitors["grace"], school.visitors["ada"]
    with ThreadPoolExecutor(6) as at_once:
        for _ in range(10):
            room = school.doomed()
            exports = [at_once.submit(ada.post, f"/api/exports?room={room}") for _ in range(5)]
            assert at_once.submit(grace.delete, f"/api/rooms/{room}").result().status_code == 204

            assert {export.result().status_code for export in exports} <= {202, 404}
