"""Step 7: HTTP and events have one session, kept on the server; when it ends, all that was opened with it ends."""

import json
import re
import secrets

import httpx
import pytest
from socketio.exceptions import ConnectionError

from course.processes import wait_for
from course.testkit.sockets import first_way

PHYSICS = {"room": "physics"}


def name_of(visitor):
    return visitor.get("/api/me").json()["name"]


def test_the_cookie_is_a_number_and_the_rest_is_on_the_server(lesson):
    ada = lesson.person("ada")
    (cookie,) = [cookie for cookie in ada.cookies.jar if cookie.name == lesson.lesson.name]

    assert re.fullmatch(r"[\w-]{43}", cookie.value), "256 bits by chance, and nothing else"
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "Lax"


def test_nobody_is_signed_out_by_a_restart_of_the_server_or_of_redis(lesson):
    ada = lesson.person("ada")
    with lesson.redis_stopped():
        assert name_of(ada) == "ada", "sessions need no Redis"
    assert name_of(ada) == "ada", "and it may come back empty"
    with lesson.api_stopped():
        pass
    assert name_of(ada) == "ada"
    with lesson.socket(visitor=ada, auth=PHYSICS) as socket:
        assert socket.call("enter", PHYSICS)["ok"]


@first_way
def test_signing_out_closes_every_socket_and_stream_at_once(lesson, client, transport):
    ada, on_her_phone, grace = lesson.person("ada"), lesson.sign_in("ada"), lesson.person("grace")
    with (
        lesson.socket(visitor=ada, auth=PHYSICS, client=client, transport=transport) as tab,
        lesson.socket("/jobs", visitor=ada, client=client, transport=transport) as jobs,
        lesson.socket(visitor=on_her_phone) as phone,
        lesson.socket(visitor=grace, auth=PHYSICS) as teacher,
        lesson.stream("room:physics", visitor=ada) as stream,
    ):
        assert ada.post("/api/logout").status_code == 204

        assert tab.ends(within=2)
        assert jobs.ends(within=2)
        assert phone.ends(within=2)
        assert stream.next(within=2) is None
        assert wait_for(2, lambda: teacher.call("enter", PHYSICS)["names"] == ["grace"])
    assert name_of(ada) is None, "on every device"
    assert name_of(on_her_phone) is None, "on every device"


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
def test_a_new_password_from_another_process_closes_them_too(lesson):
    lesson.flask("users", "add", "gina", "--password", "one")
    gina = lesson.person("gina", "one")
    with lesson.socket(visitor=gina) as socket, lesson.stream(visitor=gina) as stream:
        lesson.flask("users", "password", "gina", "--password", "two")

        assert socket.ends(within=5)
        assert stream.next(within=5) is None
    assert name_of(gina) is None
    assert name_of(lesson.person("gina", "two")) == "gina"


@first_way
def test_who_is_removed_from_a_room_hears_nothing_more_at_once(lesson, client, transport):
    grace, ben = lesson.person("grace"), lesson.person("ben")
    lesson.join(ben)
    with (
        lesson.socket(visitor=ben, auth=PHYSICS, client=client, transport=transport) as learner,
        lesson.stream("room:physics", visitor=ben) as stream,
        lesson.socket(visitor=grace, auth=PHYSICS) as teacher,
    ):
        assert grace.delete("/api/rooms/physics/members/ben").status_code == 204

        assert learner.ends(within=2)
        assert stream.next(within=2) is None
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


def test_who_leaves_a_room_for_good_is_no_member(lesson):
    ben = lesson.person("ben")
    lesson.join(ben)

    assert ben.delete("/api/rooms/physics/members/ben").status_code == 204
    assert ben.delete("/api/rooms/physics/members/ben").status_code == 404
    assert ben.get("/api/questions?room=physics").status_code == 404


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
