"""Step 9: what a hostile page, client and question can do is nothing."""

import contextlib
import csv
import io
import re
import secrets
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from socketio.exceptions import ConnectionError

from course import services
from course.processes import free_port, wait_for
from course.testkit.people import Window

HALF = "\ud800"  # half a character, which JSON can say and no database keeps
TELLING = ["<img src=x onerror=\"document.title='owned'\">", "{{ 7*7 }}{% raw %}"]
NASTY = [
    "<script>document.title='owned'</script>",
    "</textarea><script>document.title='owned'</script>",
    "\"><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "${7*7}",
]
KNOCK = """url => new Promise((done) => {
    const socket = new WebSocket(url);
    socket.onopen = () => done("let in");
    socket.onerror = () => done("refused");
})"""
LISTEN = """url => new Promise((done) => {
    const source = new EventSource(url, {withCredentials: true});
    source.onopen = () => done("reads");
    source.onerror = () => done("reads nothing");
})"""


@pytest.fixture
def victim(window, lesson, stranger):
    """Grace's browser: she has signed in, and then comes to mallory's page."""

    def fall_for_it(name="grace"):
        grace = window(lesson.page)
        grace.sign_in(name)
        assert grace.sees(f"Signed in as {name}")
        return Window(grace.page.context.new_page(), stranger.origin)

    return fall_for_it


@pytest.fixture(scope="module")
def strict(lesson):
    """One more API on the same board, with limits; and with a Redis of its own, where nobody has done anything yet."""
    limits = {"LOGIN_LIMIT": "5", "GUEST_LIMIT": "5", "ASK_LIMIT": "3", "WHISPER_LIMIT": "2", "LOOK_LIMIT": "3"}
    limits = {name: f"{most} per minute" for name, most in limits.items()}
    with services.redis(free_port()) as url, lesson.another_api(REDIS_URL=url, **limits) as strict:
        yield strict


def ask(visitor, text, room="physics", **more):
    return visitor.post(f"/api/questions?room={room}", json={"text": text, **more})


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", '=HYPERLINK("http://evil.example")', "＝1", "1;=1+1", "1; @A1"]
)
def test_a_spreadsheet_finds_no_formula_in_the_export(lesson, text):
    guest = lesson.visitor()
    guest.post("/api/questions", json={"text": f"{text} and more", "author": text[:40].strip()})

    rows = csv.DictReader(io.StringIO(guest.get("/export/questions.csv").text))

    cells = [cell for row in rows for cell in (row["text"], row["author"])]
    assert any(f"{text.strip()} and more" in cell.replace("'", "") for cell in cells)
    parts = [part.strip() for cell in cells for part in cell.split(";")]  # some spreadsheets split there too
    assert not [part for part in parts if part.startswith(tuple("=+-@\t\r＝"))]


def test_a_hostile_page_reads_nothing(lesson, victim):
    page = victim()
    for path in ("/api/me", "/api/questions?room=physics", "/api/rooms/physics", "/desk/physics"):
        assert page.fetch(lesson.api + path, credentials="include").blocked, path
    assert page.does(LISTEN, f"{lesson.api}/stream?channel=room:physics") == "reads nothing"
    assert page.does(KNOCK, f"{lesson.api.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket") == (
        "refused"
    ), "this would be cross-site WebSocket hijacking"
    polling = page.fetch(f"{lesson.api}/socket.io/?EIO=4&transport=polling", credentials="include")
    assert polling.blocked


def test_a_hostile_page_changes_nothing(lesson, victim):
    id = ask(lesson.person("ada"), "As it was").json()["id"]
    page = victim()
    plain = {"method": "POST", "credentials": "include", "mode": "no-cors"}
    page.fetch(f"{lesson.api}/api/questions?room=physics", body='{"text": "Forged"}', **plain)
    page.fetch(f"{lesson.api}/api/rooms", body='{"name": "forged", "code": "x"}', **plain)
    page.fetch(f"{lesson.api}/api/logout", **plain)
    page.fetch(f"{lesson.api}/api/login", body='{"name": "ben", "password": "live-flask"}', **plain)
    form = plain | {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}  # what a form would send
    for verb in ("save", "sure"):
        page.fetch(f"{lesson.api}/desk/physics/{id}", body=f"text=Forged&{verb}=", **form)
    page.fetch(f"{lesson.api}/desk/logout", body="", **form)

    grace = lesson.person("grace")
    assert grace.get(f"/api/questions/{id}").json()["text"] == "As it was"
    assert "Forged" not in grace.get("/api/questions?room=physics").text
    assert "forged" not in grace.get("/api/me").text
    page.page.goto(lesson.page)
    assert page.sees("Signed in as grace"), "she is still who she was"


def test_the_desk_shows_in_nobody_elses_frame(lesson, victim):
    page = victim()
    page.page.evaluate(
        "url => document.body.append(Object.assign(document.createElement('iframe'), {src: url}))",
        f"{lesson.api}/desk/physics",
    )

    def refused():
        return any(frame.evaluate("location.href").startswith("chrome-error:") for frame in page.page.frames[1:])

    assert wait_for(5, refused), "the browser should refuse to show it there"


@pytest.mark.parametrize("text", [*TELLING, *(pytest.param(text, marks=pytest.mark.long) for text in NASTY)])
def test_a_question_is_text_whatever_it_looks_like(lesson, window, text):
    lesson.flask("users", "add", text[:40], "--password", "x")
    author = lesson.person(text[:40], "x")
    lesson.join(author)
    assert ask(author, text).json()["text"] == text
    lobby = lesson.visitor().post("/api/questions", json={"text": text, "author": text[:40]})
    assert lobby.status_code == 201

    grace = window(f"{lesson.page}#physics")
    grace.sign_in("grace")
    assert grace.shows(grace.question(text).first)
    with lesson.socket(visitor=author, auth={"room": "physics"}) as socket:
        assert grace.shows(grace.page.get_by_role("list", name="Here now").get_by_text(text[:40], exact=True))
        assert socket.call("whisper", {"to": "grace", "text": text})["ok"]
        assert grace.shows(grace.page.get_by_role("log").get_by_text(text))
    grace.page.get_by_role("link", name="lobby").click()
    assert grace.shows(grace.question(text).first)
    grace.page.goto(f"{lesson.api}/desk/physics")
    assert text in [area.input_value() for area in grace.page.get_by_label("Question").all()]

    assert "owned" not in grace.page.title()
    assert "49" not in grace.page.inner_text("main")


def test_the_page_may_load_from_nowhere_else(lesson, alice):
    headers = lesson.program().get(lesson.page).headers
    policy = headers["Content-Security-Policy"]

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    alice.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.x = 1'}))")
    assert alice.page.evaluate("window.x") is None, "not even a script that somebody got into the page"


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


def test_guessing_a_password_is_slow(lesson, strict):
    lesson.person("ada")
    answers = [
        strict.visitor().post("/api/login", json={"name": "ada", "password": f"guess {number}"}) for number in range(6)
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


def test_no_cookie_makes_the_server_stumble(lesson):
    ada = lesson.person("ada")
    for name in ("remember_token", *ada.cookies):
        for value in ("a|é", "x" * 4000, "%00", '"'):
            answer = lesson.program().get("/api/me", headers={"Cookie": f"{name}={value}".encode()})
            assert answer.status_code == 200
            assert answer.json()["name"] is None


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
        assert ask(ada, "five").status_code == 429, "and not by another door"
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


def test_limits_hold_without_redis(lesson):
    lesson.person("ada")
    with lesson.another_api(ASK_LIMIT="3 per minute") as strict:
        ada = strict.person("ada")
        with lesson.redis_stopped():
            assert [ask(ada, "x").status_code for _ in range(4)] == [201, 201, 201, 429]


@pytest.mark.parametrize(
    "auth",
    [1, "x", [], [1], {"room": {"a": 1}}, {"room": 1}, {"after": "x"}, {"after": [1]}, HALF, {"token": HALF}],
    ids=ascii,
)
def test_nonsense_when_connecting_is_refused_or_harmless(lesson, auth):
    ada = lesson.person("ada")
    try:
        with lesson.socket(visitor=ada, auth=auth) as socket:
            assert socket.call("catch_up", {"after": 0})["ok"]
    except ConnectionError as refusal:
        assert "went wrong" not in str(refusal)


def test_ten_thousand_room_names_leave_nothing_behind(lesson):
    with lesson.socket(visitor=lesson.person("ada"), auth={"room": "physics"}) as socket:
        for number in range(200):
            assert socket.call("enter", {"room": f"guess-{number}"})["error"]
        assert socket.call("enter", {"room": "physics"})["ok"]


def test_bodies_that_never_come_keep_no_database_connection(lesson):
    host, port = "localhost", lesson.ports[0] if not lesson.workers else lesson.places[0]
    name = f"{lesson.lesson.name}=made-up-{secrets.token_hex(4)}"
    head = f"POST /api/login HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {name}\r\nContent-Type: application/json\r\n"
    with contextlib.ExitStack() as slow:
        for _ in range(20):  # the pool holds 15 connections
            connection = slow.enter_context(socket.create_connection((host, port)))
            connection.sendall(f"{head}Content-Length: 40\r\n\r\n{{".encode())

        assert lesson.program().get("/api/questions", timeout=5).status_code == 200, "the others should be served"


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/stream?channel=room:lobby&last_event_id=5", {}, 404),
        ("GET", "/stream?channel=room:lobby", {}, 404),
        ("POST", "/desk/login", {"json": [1]}, 400),
        ("POST", "/desk/login", {"json": {"name": 1}}, 400),
        ("POST", "/desk/login", {"json": "text"}, 400),
        ("POST", "/desk/login", {"data": {"name": "x" * 20_000}}, 413),
        ("POST", "/desk/physics/1", {"content": "{", "headers": {"Content-Type": "application/json"}}, 400),
        ("POST", "/desk/physics/1", {"data": {"text": "x" * 20_000}}, 413),
        ("POST", "/desk/physics/1", {"files": {f"f{n}": (None, "x") for n in range(200)}}, 413),
        ("POST", "/desk/logout", {"json": [1]}, 400),
        ("PATCH", "/api/questions/1", {"content": "{", "headers": {"Content-Type": "application/json"}}, 400),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(lesson, method, path, sent, status):
    grace = lesson.person("grace")
    grace.headers["Origin"] = lesson.api if path.startswith("/desk") else lesson.served.page_url
    answer = grace.request(method, path, **sent)

    assert answer.status_code == status
    assert re.search(r"[A-Z][\w ,:]+\.", answer.text), "in a sentence"


def test_guesses_that_come_all_at_once_are_counted_together(strict):
    guess = {"name": f"nobody {secrets.token_hex(4)}", "password": "guess"}
    how = {"base_url": strict.api, "limits": httpx.Limits(max_connections=150), "timeout": 20}
    with httpx.Client(**how) as eve, ThreadPoolExecutor(150) as at_once:
        answers = list(at_once.map(lambda _: eve.post("/api/login", json=guess).status_code, range(150)))

    assert Counter(answers) == {401: 5, 429: 145}


def test_a_crowd_that_comes_at_once_takes_few_connections_to_redis(lesson):
    with contextlib.ExitStack() as crowd:
        guests = [
            crowd.enter_context(socket.create_connection(("127.0.0.1", lesson.ports[0]), timeout=10)) for _ in range(90)
        ]
        for guest in guests:
            guest.sendall(b"PUT /api/browser HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        assert all(guest.recv(100).startswith(b"HTTP/1.1 204") for guest in guests)

    def to_redis():
        found = [one for process in lesson.processes for one in process.net_connections("tcp")]
        return len([one for one in found if one.raddr and one.raddr.port == lesson.redis_port])

    assert to_redis() < 40 * len(lesson.processes), "each is a file that somebody else could have"
