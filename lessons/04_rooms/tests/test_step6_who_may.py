"""Step 6: who may do what, at every door, for everybody."""

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest
from socketio.exceptions import ConnectionError

from course.testkit.sockets import first_way

PEOPLE = ["guest", "ada", "lea", "tom", "grace"]  # ada and grace belong to physics, lea and tom to art
SIGN_IN, NO_ROOM, NO_QUESTION = "Sign in first", "no such room", "no such question"
NOT_YOURS, TEACHERS = "Only the browser that asked", "Only a teacher of this room"


class School:
    """Two classes, with everybody signed in, and questions by ada and grace in physics."""

    def __init__(self, lesson):
        self.visitors = {"ada": lesson.person("ada"), "grace": lesson.person("grace"), "guest": lesson.visitor()}
        self.visitors["guest"].put("/api/browser")
        password = ["--password", "art-class"]
        lesson.users(["add", "lea", *password], ["add", "tom", "--teacher", *password])
        self.visitors |= {name: lesson.person(name, "art-class") for name in ("lea", "tom")}
        self.visitors["tom"].post("/api/rooms", json={"name": "art", "code": "blue"})
        self.visitors["lea"].post("/api/rooms/art/members", json={"code": "blue"})

    def asked_by(self, name):
        """The number of a new question in physics."""
        return self.visitors[name].post("/api/questions?room=physics", json={"text": f"By {name}"}).json()["id"]

    def export_by(self, name):
        return self.visitors[name].post("/api/exports?room=physics").json()["job"]

    def doomed(self):
        """A new room of grace's, to which ada belongs, to be closed."""
        name = f"doomed-{secrets.token_hex(4)}"
        self.visitors["grace"].post("/api/rooms", json={"name": name, "code": "x"})
        self.visitors["ada"].post(f"/api/rooms/{name}/members", json={"code": "x"})
        return name

    def stream(self, visitor, channel):
        with visitor.stream("GET", f"/stream?channel={channel}") as answer:
            return answer.status_code


def school_of(lesson):
    """One school for all tests of this file on one server."""
    if "school" not in lesson.kept:
        lesson.kept["school"] = School(lesson)
    return lesson.kept["school"]


HTTP = {  # what is tried, and the status of the answer for: a guest, ada, lea, tom, grace
    "read the questions": (lambda s, v: v.get("/api/questions?room=physics"), 401, 200, 404, 404, 200),
    "read one": (lambda s, v: v.get(f"/api/questions/{s.asked_by('grace')}"), 404, 200, 404, 404, 200),
    "ask": (lambda s, v: v.post("/api/questions?room=physics", json={"text": "x"}), 401, 201, 404, 404, 201),
    "vote": (lambda s, v: v.put(f"/api/questions/{s.asked_by('grace')}/vote"), 404, 200, 404, 404, 200),
    "take a vote back": (lambda s, v: v.delete(f"/api/questions/{s.asked_by('ada')}/vote"), 404, 200, 404, 404, 200),
    "reword ada's": (
        lambda s, v: v.patch(f"/api/questions/{s.asked_by('ada')}", json={"text": "y"}), 404, 200, 404, 404, 200
    ),
    "answer grace's": (
        lambda s, v: v.patch(f"/api/questions/{s.asked_by('grace')}", json={"answered": True}), 404, 403, 404, 404, 200
    ),
    "withdraw grace's": (lambda s, v: v.delete(f"/api/questions/{s.asked_by('grace')}"), 404, 403, 404, 404, 204),
    "export": (lambda s, v: v.post("/api/exports?room=physics"), 401, 202, 404, 404, 202),
    "see an export": (lambda s, v: v.get(f"/api/exports/{s.export_by('ada')}"), 404, 200, 404, 404, 200),
    "fetch an export": (
        lambda s, v: v.get(f"/api/exports/{s.export_by('ada')}/questions.csv"), 404, 404, 404, 404, 404
    ),  # there is no file yet, but who may not know that learns no more
    "see who belongs to it": (lambda s, v: v.get("/api/rooms/physics"), 401, 200, 404, 404, 200),
    "open a room": (
        lambda s, v: v.post("/api/rooms", json={"name": secrets.token_hex(4), "code": "x"}), 401, 403, 403, 201, 201
    ),
    "join with a wrong code": (
        lambda s, v: v.post("/api/rooms/physics/members", json={"code": "wrong"}), 401, 404, 404, 404, 404
    ),
    "remove ada": (lambda s, v: v.delete(f"/api/rooms/{s.doomed()}/members/ada"), 401, 204, 404, 404, 204),
    "remove grace": (lambda s, v: v.delete(f"/api/rooms/{s.doomed()}/members/grace"), 401, 403, 404, 404, 403),
    # grace herself is refused: she is the last who teaches there
    "give it another code": (lambda s, v: v.patch(f"/api/rooms/{s.doomed()}", json={}), 401, 403, 404, 404, 200),
    "close a room": (lambda s, v: v.delete(f"/api/rooms/{s.doomed()}"), 401, 403, 404, 404, 204),
    "close the lobby": (lambda s, v: v.delete("/api/rooms/lobby"), 401, 403, 403, 403, 403),
    "sit at a desk": (lambda s, v: v.get("/desk"), 302, 403, 403, 200, 200),
    "sit at the room's desk": (lambda s, v: v.get("/desk/physics"), 302, 403, 404, 404, 200),
    "sit at the lobby's desk": (lambda s, v: v.get("/desk/lobby"), 302, 403, 403, 200, 200),
}  # fmt: skip

EVENTS = {  # what is sent on /board, and what the receipt says: True, or a part of the error
    "enter": (lambda s: {"room": "physics"}, SIGN_IN, True, NO_ROOM, NO_ROOM, True),
    "catch_up": (lambda s: {"room": "physics", "after": 0}, SIGN_IN, True, NO_ROOM, NO_ROOM, True),
    "ask": (
        lambda s: {"room": "physics", "text": "x", "key": secrets.token_hex(8)}, SIGN_IN, True, NO_ROOM, NO_ROOM, True
    ),
    "vote": (lambda s: {"id": s.asked_by("grace")}, NO_QUESTION, True, NO_QUESTION, NO_QUESTION, True),
    "unvote": (lambda s: {"id": s.asked_by("grace")}, NO_QUESTION, True, NO_QUESTION, NO_QUESTION, True),
    "change": (
        lambda s: {"id": s.asked_by("grace"), "answered": True}, NO_QUESTION, NOT_YOURS, NO_QUESTION, NO_QUESTION, True
    ),
    "withdraw": (lambda s: {"id": s.asked_by("grace")}, NO_QUESTION, NOT_YOURS, NO_QUESTION, NO_QUESTION, True),
    "whisper": (lambda s: {"to": "no such name", "text": "x"}, SIGN_IN, *["nobody of that name"] * 4),
}  # fmt: skip

CONNECTS = {  # the namespace and the auth, and who is let in
    "the room": ("/board", {"room": "physics"}, SIGN_IN, True, NO_ROOM, NO_ROOM, True),
    "its desk": ("/desk", {"room": "physics"}, SIGN_IN, TEACHERS, NO_ROOM, NO_ROOM, True),
    "a desk without a room": ("/desk", {}, SIGN_IN, NO_ROOM, NO_ROOM, NO_ROOM, NO_ROOM),
    "the lobby": ("/board", {}, True, True, True, True, True),
}


@pytest.mark.parametrize("what", HTTP)
def test_over_http(lesson, what):
    school = school_of(lesson)
    do, *expected = HTTP[what]

    answers = [do(school, school.visitors[name]) for name in PEOPLE]

    assert [answer.status_code for answer in answers] == expected
    said = [answer.text for answer in answers if answer.status_code >= 400]
    assert all("traceback" not in text.lower() for text in said)


@pytest.mark.parametrize("event", EVENTS)
def test_by_event(lesson, event):
    school = school_of(lesson)
    make, *expected = EVENTS[event]

    for name, wanted in zip(PEOPLE, expected, strict=True):
        with lesson.socket(visitor=school.visitors[name]) as socket:
            receipt = socket.call(event, make(school))
        assert receipt.get("ok", False) is True if wanted is True else wanted in receipt["error"], (name, receipt)


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


def test_by_stream(lesson):
    school = school_of(lesson)
    job = school.export_by("ada")

    for name, room, of_job, people in zip(
        PEOPLE, [401, 200, 404, 404, 200], [404, 200, 404, 404, 200], [404] * 5, strict=True
    ):
        visitor = school.visitors[name]
        assert school.stream(visitor, "room:physics") == room, name
        assert school.stream(visitor, f"job:{job}") == of_job, name
        assert school.stream(visitor, "people") == people, "what concerns the servers is no channel for readers"
        assert school.stream(visitor, "board") == 200, name


def test_an_export_is_started_by_socket_only_in_a_room_of_ones_own(lesson):
    school = school_of(lesson)
    for name, wanted in zip(PEOPLE, [SIGN_IN, True, NO_ROOM, NO_ROOM, True], strict=True):
        with lesson.socket("/jobs", visitor=school.visitors[name]) as socket:
            receipt = socket.call("start_export", {"room": "physics"}, namespace="/jobs")
        assert receipt.get("ok", False) is True if wanted is True else wanted in receipt["error"], name


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


@first_way
def test_who_has_the_code_joins_and_is_in(lesson, client, transport):
    school = school_of(lesson)
    room = school.doomed()
    lea = school.visitors["lea"]
    with lesson.socket(visitor=lea, client=client, transport=transport) as socket:
        assert NO_ROOM in socket.call("enter", {"room": room})["error"]
        assert lea.post(f"/api/rooms/{room}/members", json={"code": "x"}).status_code == 201
        assert socket.call("enter", {"room": room})["ok"], "the same connection, for each event looks anew"
        assert lea.post(f"/api/rooms/{room}/members", json={"code": "x"}).status_code == 201, "twice is once"


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


def test_the_teachers_of_the_lobby_look_after_it(lesson):
    school = school_of(lesson)
    where = school.visitors["guest"].post("/api/questions", json={"text": "Rubbish"}).headers["Location"]

    assert school.visitors["ada"].delete(where).status_code == 403
    assert school.visitors["tom"].delete(where).status_code == 204


def test_a_key_opens_no_other_room(lesson):
    school = school_of(lesson)
    key = secrets.token_hex(8)
    school.visitors["ada"].post("/api/questions?room=physics", json={"text": "Secret", "key": key})

    again = school.visitors["lea"].post("/api/questions?room=art", json={"text": "Secret", "key": key})
    elsewhere = school.visitors["ada"].post("/api/questions", json={"text": "Secret", "key": key})

    for answer in (again, elsewhere):
        assert answer.status_code == 201, "each room has keys of its own, so that a key says nothing of another room"
    assert school.visitors["ada"].get("/api/questions?room=physics").text.count("Secret") == 1
    assert school.visitors["lea"].get("/api/questions?room=art").text.count("Secret") == 1


def test_a_person_who_does_not_exist_any_more_is_nobody(lesson):
    school = school_of(lesson)
    cookies = dict(school.visitors["ada"].cookies)
    assert httpx.get(f"{lesson.api}/api/me", cookies=cookies).json()["name"] == "ada"
    forged = {name: value[::-1] for name, value in cookies.items()}
    assert httpx.get(f"{lesson.api}/api/me", cookies=forged).json()["name"] is None


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


def test_a_key_is_its_persons_own(lesson):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    hers = ada.post("/api/questions?room=physics", json={"text": "Ada's", "key": "the same"})
    other = grace.post("/api/questions?room=physics", json={"text": "Grace's", "key": "the same"})

    assert (hers.status_code, other.status_code) == (201, 201), "nobody's key blocks another's"
    again = ada.post("/api/questions?room=physics", json={"text": "Ada's", "key": "the same"})
    assert again.json()["id"] == hers.json()["id"]


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
