"""Step 9: who may do what, at every way in, for everybody."""

import secrets

import httpx
import pytest
from socketio.exceptions import ConnectionError

from course.testkit.school import PEOPLE, school_of
from course.testkit.sockets import first_way

SIGN_IN, NO_ROOM, NO_QUESTION = "Sign in first", "no such room", "no such question"
NOT_YOURS = "Only the browser that asked"

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
}  # fmt: skip

EVENTS = {  # what is sent on /board, and what the acknowledgement says: True, or a part of the error
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
    "the lobby": ("/board", {}, True, True, True, True, True),
}


def test_who_enters_is_told_whether_she_teaches(lesson):
    for name, teaches in (("ada", False), ("grace", True)):
        with lesson.socket(visitor=lesson.person(name)) as socket:
            assert socket.call("enter", {"room": "physics"})["teacher"] is teaches


def test_who_signs_in_is_known(lesson):
    assert lesson.visitor().get("/api/me").json()["name"] is None

    ada, grace = lesson.sign_in("ada").get("/api/me").json(), lesson.sign_in("grace").get("/api/me").json()

    assert (ada["name"], ada["teacher"]) == ("ada", False)
    assert (grace["name"], grace["teacher"]) == ("grace", True)
    assert physics_of(ada) == {"name": "physics", "teacher": False, "code": None}, "a learner sees no code"
    assert physics_of(grace)["teacher"] is True
    assert physics_of(grace)["code"], "a teacher sees it"


def physics_of(me):
    """What somebody is told of physics."""
    return next(room for room in me["rooms"] if room["name"] == "physics")


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
            acked = socket.call(event, make(school))
        assert acked.get("ok", False) is True if wanted is True else wanted in acked["error"], (name, acked)


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
            acked = socket.call("start_export", {"room": "physics"}, namespace="/jobs")
        assert acked.get("ok", False) is True if wanted is True else wanted in acked["error"], name


@first_way
def test_who_has_the_code_joins_and_is_in(lesson, client, transport):
    school = school_of(lesson)
    room = school.doomed()
    lea = school.visitors["lea"]
    with lesson.socket(visitor=lea, client=client, transport=transport) as socket:
        assert NO_ROOM in socket.call("enter", {"room": room})["error"]
        assert lea.post(f"/api/rooms/{room}/members", json={"code": "x"}).status_code == 201
        assert socket.call("enter", {"room": room})["ok"], "the same connection, for each event looks again"
        assert lea.post(f"/api/rooms/{room}/members", json={"code": "x"}).status_code == 201, "twice is once"


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


@pytest.mark.parametrize(
    ("sent", "status", "why"),
    [
        ({"name": "physics", "code": "x"}, 400, "choose another"),
        ({"name": "Physics 2", "code": "x"}, 400, "small letters"),
        ({"name": "room:physics", "code": "x"}, 400, "small letters"),
        ({"name": "../desk", "code": "x"}, 400, "small letters"),
        ({"name": "x" * 41, "code": "x"}, 400, "1 to 40"),
        ({"name": "", "code": "x"}, 400, "1 to 40"),
        ({"name": "biology", "code": ""}, 400, "1 to 40"),
        ({"name": "biology"}, 400, "must be a text"),
        ({"name": ["biology"], "code": "x"}, 400, "must be a text"),
    ],
    ids=str,
)
def test_a_room_that_cannot_be_opened_says_why(lesson, sent, status, why):
    answer = lesson.person("grace").post("/api/rooms", json=sent)

    assert answer.status_code == status
    assert why in answer.json()["error"]


def test_people_are_added_at_the_command_line(lesson):
    assert "carl: flower-pot" in lesson.flask("users", "add", "carl", "--password", "flower-pot")
    dora, again, too_short, nobody, _ = lesson.users(
        ["add", "dora", "--teacher"],
        ["add", "carl"],
        ["add", "fay", "--password", " "],
        ["password", "gus"],
        ["add", "fay", "--password", " spaced "],
    )

    made = dora.partition("dora: ")[2].split()[0]
    assert lesson.sign_in("dora", made).get("/api/me").json()["teacher"] is True
    assert "somebody called carl already" in again
    carl = lesson.sign_in("carl", "flower-pot")
    assert carl.get("/api/me").json()["teacher"] is False, "and nothing of his has changed"
    assert "A password has 1 to 200 characters" in too_short
    assert "There is nobody called gus" in nobody
    assert lesson.sign_in("fay", " spaced ")
