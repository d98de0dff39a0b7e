"""Step 5: a client without cookies brings a token: signed, short-lived, and one person's."""

import secrets

import httpx
import pytest
import socketio
from itsdangerous import URLSafeTimedSerializer

from course.processes import wait_for
from course.testkit.school import is_refused, token
from course.testkit.sockets import first_way


@first_way
def test_a_token_is_as_good_as_a_session(lesson, client, transport):
    auth = {"token": token(lesson), "room": "physics"}
    with lesson.socket(auth=auth, client=client, transport=transport) as socket:
        asked = socket.call("ask", {"room": "physics", "text": "By token?", "key": secrets.token_hex(8)})["question"]
        assert asked["mine"]
        assert asked["author"] == "ada"
        assert socket.call("withdraw", {"id": asked["id"]})["ok"], "each event knows who sends it"


def test_a_token_opens_every_namespace_of_its_connection(lesson):
    with lesson.socket("/board", "/jobs", auth={"token": token(lesson)}) as socket:
        assert socket.call("start_export", {"room": "physics"}, namespace="/jobs")["ok"]


def test_an_export_that_is_refused_says_why(lesson):
    with lesson.socket("/jobs", auth={"token": token(lesson)}) as socket:
        refused = socket.call("start_export", {"room": "nowhere"}, namespace="/jobs")
    assert refused["error"].startswith("There is no such room")


def test_over_http_it_is_sent_with_each_request(lesson):
    headers = {"Authorization": f"Bearer {token(lesson)}"}
    answer = httpx.get(f"{lesson.api}/api/questions?room=physics", headers=headers)

    assert answer.status_code == 200
    assert lesson.lesson.name not in answer.cookies
    assert httpx.get(f"{lesson.api}/api/me", headers=headers).json()["name"] == "ada"


@pytest.mark.parametrize("forged", ["", "x", "a.b.c", "\0", "ä", 42, None, [], {}, "x" * 10_000], ids=str)
def test_what_is_no_token_is_refused(lesson, forged):
    if "token" not in lesson.kept:
        lesson.kept["token"] = token(lesson)  # there are tokens
    assert is_refused(lesson, forged)


def test_a_token_that_was_changed_or_signed_by_somebody_else_is_refused(lesson):
    good = token(lesson)

    assert is_refused(lesson, good[:8] + ("A" if good[8] != "A" else "B") + good[9:])
    assert is_refused(lesson, good[:-4] + "AAAA")
    assert is_refused(lesson, URLSafeTimedSerializer("another secret", salt="token").dumps("1.x"))
    assert is_refused(lesson, URLSafeTimedSerializer(lesson.env["FLASK_SECRET_KEY"], salt="token").dumps("1.x"))
    assert httpx.get(f"{lesson.api}/api/me", headers={"Authorization": "Bearer x"}).json()["name"] is None


def test_a_token_is_too_old_one_day(lesson):
    with lesson.another_api(TOKEN_SECONDS=1) as api:
        old = token(api)
        assert wait_for(5, lambda: is_refused(api, old))


def test_without_a_password_there_is_none(lesson):
    token(lesson)
    answer = lesson.program().post("/api/tokens", json={"name": "ada", "password": "guessed"})

    assert answer.status_code == 401
    assert "wrong" in answer.json()["error"]


@pytest.mark.long
def test_a_client_that_comes_back_gets_a_new_token(lesson):
    given = []

    def auth():
        given.append(token(there))
        return {"token": given[-1], "room": "physics"}

    client = socketio.Client(reconnection_delay=0.1, websocket_extra_options={"suppress_origin": True})
    with lesson.another_api(TOKEN_SECONDS=1) as there:
        client.connect(there.api, auth=auth, namespaces=["/board"], transports=["websocket"], wait_timeout=10)
        assert wait_for(5, lambda: is_refused(there, given[0])), "its first token should end"
        client.eio.ws.shutdown()  # the connection breaks, without a goodbye

        assert wait_for(5, lambda: len(given) == 2 and "/board" in client.namespaces)
        assert client.call("catch_up", {"room": "physics", "after": 0}, namespace="/board")["ok"]
        client.disconnect()
