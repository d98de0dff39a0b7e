"""Step 11: HTTP and events have one session, kept on the server, and signing in makes a new one."""

import re

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


def test_a_session_that_somebody_else_began_is_not_signed_in(lesson):
    mallory = lesson.visitor()
    mallory.put("/api/browser")
    planted = dict(mallory.cookies)
    ada = lesson.visitor(cookies=planted)

    answer = ada.post("/api/login", json={"name": "ada", "password": "live-flask"})

    assert lesson.visitor(cookies=dict(answer.cookies)).get("/api/me").json()["name"] == "ada"
    assert lesson.visitor(cookies=planted).get("/api/me").json()["name"] is None, "signing in makes a new number"


def test_an_invented_number_is_no_session(lesson):
    lesson.person("ada")
    planted = {name: "x" * 43 for name in lesson.person("ada").cookies}
    visitor = lesson.visitor(cookies=planted)
    visitor.put("/api/browser")

    assert visitor.cookies.get(next(iter(planted)), domain="localhost.local") != "x" * 43
