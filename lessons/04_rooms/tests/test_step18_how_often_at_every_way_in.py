"""Step 18: guessing, whispering and looking are counted like asking, at every way in."""

import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest


def ask(visitor, text, room="physics", **more):
    return visitor.post(f"/api/questions?room={room}", json={"text": text, **more})


def test_guessing_a_password_is_slow(lesson, strict):
    lesson.person("ada")
    answers = [
        strict.visitor().post("/api/login", json={"name": name, "password": "a guess"})
        for name in ("ada", "Ada", "ADA", "aDa", "adA", "AdA")
    ]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert f"Try again in {answers[-1].headers['Retry-After']} second" in answers[-1].json()["error"]
    for path in ("/api/login", "/api/tokens"):
        right = strict.visitor().post(path, json={"name": "ada", "password": "live-flask"})
        assert right.status_code == 429, "the right one too, or guessing would pay"
    assert strict.sign_in("grace"), "nobody else has to wait"


@pytest.mark.long
def test_trying_many_names_is_slow_too(lesson):
    lesson.person("ada")
    with lesson.another_api(ADDRESS_LIMIT="5 per minute") as strict:
        names = [secrets.token_hex(4) for _ in range(6)]
        answers = [strict.visitor().post("/api/login", json={"name": name, "password": "x"}) for name in names]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]


def test_looking_at_the_form_of_the_desk_fills_no_database(lesson, strict):
    assert lesson.visitor().get("/desk/login").status_code == 200
    assert [strict.visitor().get("/desk/login").status_code for _ in range(6)] == [200] * 5 + [429]


def test_guessing_a_code_is_slow(lesson, strict):
    ben = strict.visitor(cookies=lesson.person("ben").cookies)
    codes = [ben.post("/api/rooms/physics/members", json={"code": f"{number}"}) for number in range(6)]
    assert [answer.status_code for answer in codes] == [404] * 5 + [429]


def test_who_asks_too_much_waits_by_every_door(lesson, strict):
    signed_in = [lesson.person("ada"), lesson.sign_in("ada"), lesson.person("grace")]
    ada, on_her_phone, grace = (strict.visitor(cookies=person.cookies) for person in signed_in)
    with (
        strict.socket(visitor=ada, auth={"room": "physics"}) as socket,
        strict.socket(visitor=grace, auth={"room": "physics"}),
    ):
        assert ask(ada, "one").status_code == 201
        for text in ("two", "three"):
            assert socket.call("ask", {"room": "physics", "text": text, "key": secrets.token_hex(8)})["ok"]
        late = socket.call("ask", {"room": "physics", "text": "four", "key": secrets.token_hex(8)})
        assert "Try again in" in late["error"]
        assert ask(ada, "five").status_code == 429, "and not by another way in"
        assert ask(on_her_phone, "six").status_code == 429, "nor by another session"
        assert ask(grace, "mine").status_code == 201
        whispers = [socket.call("whisper", {"to": "grace", "text": "x"}) for _ in range(3)]
        assert [whisper.get("ok") for whisper in whispers] == [True, True, None]
        assert "Try again in" in whispers[2]["error"]


def test_entering_and_catching_up_without_end_is_refused(lesson, strict):
    ada = strict.visitor(cookies=lesson.person("ada").cookies)
    with strict.socket(visitor=ada) as socket, strict.socket(visitor=ada) as other:
        for verb in ("enter", "catch_up", "enter"):
            assert socket.call(verb, {"room": "physics", "after": 0})["ok"]
        for verb in ("enter", "catch_up"):
            assert "Try again in" in socket.call(verb, {"room": "physics", "after": 0})["error"]
        assert other.call("enter", {"room": "physics"})["ok"], "each connection is counted for itself"


def test_guesses_that_come_all_at_once_are_counted_together(strict):
    guess = {"name": f"nobody {secrets.token_hex(4)}", "password": "guess"}
    how = {"base_url": strict.api, "limits": httpx.Limits(max_connections=150), "timeout": 20}
    with httpx.Client(**how) as eve, ThreadPoolExecutor(150) as at_once:
        answers = list(at_once.map(lambda _: eve.post("/api/login", json=guess).status_code, range(150)))

    assert Counter(answers) == {401: 5, 429: 145}
