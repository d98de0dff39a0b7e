"""Step 12: when somebody signs out, or loses a right, all sockets opened with it are closed."""

import secrets

import httpx
import pytest
from socketio.exceptions import ConnectionError

from course.processes import wait_for
from course.testkit.school import is_refused, token
from course.testkit.sockets import first_way

PHYSICS = {"room": "physics"}


def name_of(visitor):
    return visitor.get("/api/me").json()["name"]


@first_way
def test_signing_out_closes_every_socket_at_once(lesson, client, transport):
    ada, on_her_phone, grace = lesson.person("ada"), lesson.sign_in("ada"), lesson.person("grace")
    with (
        lesson.socket(visitor=ada, auth=PHYSICS, client=client, transport=transport) as tab,
        lesson.socket("/jobs", visitor=ada, client=client, transport=transport) as jobs,
        lesson.socket(visitor=on_her_phone) as phone,
        lesson.socket(visitor=grace, auth=PHYSICS) as teacher,
    ):
        assert ada.post("/api/logout").status_code == 204

        assert tab.ends(within=2)
        assert jobs.ends(within=2)
        assert phone.ends(within=2)
        assert wait_for(2, lambda: teacher.call("enter", PHYSICS)["names"] == ["grace"])
    assert name_of(ada) is None, "on every device"
    assert name_of(on_her_phone) is None, "on every device"


def test_what_was_signed_out_opens_nothing_any_more(lesson):
    ada = lesson.person("ada")
    token = lesson.program().post("/api/tokens", json={"name": "ada", "password": "live-flask"}).json()["token"]
    name = lesson.lesson.name  # and that of its cookie
    old = lesson.visitor(cookies={name: ada.cookies[name]})
    assert name_of(old) == "ada"

    ada.post("/api/logout")

    assert name_of(old) is None
    assert old.get("/api/questions?room=physics").status_code == 401
    with pytest.raises(ConnectionError, match="Sign in first"):
        lesson.socket(visitor=old, auth=PHYSICS)
    with pytest.raises(ConnectionError, match="not valid"):
        lesson.socket(auth={"token": token})
    assert httpx.get(f"{lesson.api}/api/me", headers={"Authorization": f"Bearer {token}"}).json()["name"] is None


@pytest.mark.long
def test_a_token_ends_with_the_password(lesson):
    lesson.flask("users", "add", "fred", "--password", "one")
    old = token(lesson, "fred", "one")
    assert not is_refused(lesson, old)

    lesson.flask("users", "password", "fred", "--password", "two")

    assert is_refused(lesson, old)
    assert not is_refused(lesson, token(lesson, "fred", "two"))


@pytest.mark.long
def test_a_new_password_from_another_process_closes_sockets_too(lesson):
    lesson.flask("users", "add", "gina", "--password", "one")
    gina = lesson.person("gina", "one")
    with lesson.socket(visitor=gina) as socket:
        lesson.flask("users", "password", "gina", "--password", "two")

        assert socket.ends(within=5)
    assert name_of(gina) is None
    assert name_of(lesson.person("gina", "two")) == "gina"


@first_way
def test_who_is_removed_from_a_room_hears_nothing_more_at_once(lesson, client, transport):
    grace, ben = lesson.person("grace"), lesson.person("ben")
    lesson.join(ben)
    with (
        lesson.socket(visitor=ben, auth=PHYSICS, client=client, transport=transport) as learner,
        lesson.socket(visitor=grace, auth=PHYSICS) as teacher,
    ):
        assert grace.delete("/api/rooms/physics/members/ben").status_code == 204

        assert learner.ends(within=2)
        sent = {"room": "physics", "text": "Is he gone?", "key": secrets.token_hex(8)}
        assert teacher.call("ask", sent)["ok"]
        assert teacher.next("question_asked")
        assert not [event for event in learner.heard if event.type == "question_asked"]
    assert name_of(ben) == "ben", "he is signed in, but no member"
    with pytest.raises(ConnectionError, match="no such room"):
        lesson.socket(visitor=ben, auth=PHYSICS)


@first_way
def test_who_is_removed_and_still_signed_in_comes_back(lesson, client, transport):
    grace, ben = lesson.person("grace"), lesson.person("ben")
    lesson.join(ben)
    how = {"visitor": ben, "client": client, "transport": transport, "comes_back": True}
    with lesson.socket(**how) as in_the_lobby:
        before = in_the_lobby.sid()
        assert grace.delete("/api/rooms/physics/members/ben").status_code == 204

        assert in_the_lobby.comes_back(before, within=4), "it should be cut off, and not be told to stay away"
        assert in_the_lobby.call("ask", {"text": "And here?", "key": secrets.token_hex(8)})["ok"]


def test_signing_out_without_redis_takes_no_more_than_a_moment(lesson):
    ada = lesson.person("ada")
    with lesson.socket(visitor=ada, auth=PHYSICS) as socket, lesson.redis_stopped():
        ada.post("/api/logout")
        assert socket.ends(within=4)


def test_signing_out_in_one_tab_shows_in_the_other(lesson, alice):
    alice.sign_in("ada")
    assert alice.sees("Signed in as ada")
    other = alice.page.context.new_page()
    other.goto(f"{lesson.page}#physics")
    other.get_by_role("heading", name="physics").wait_for()

    alice.page.get_by_role("button", name="Sign out").click()

    other.get_by_role("button", name="Sign in").wait_for(timeout=5000)
    assert wait_for(2, lambda: not other.get_by_role("heading", name="physics").is_visible())
    assert alice.shows(alice.page.get_by_role("button", name="Sign in"))
