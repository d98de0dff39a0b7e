"""The quick questions of the notes: what the running lesson says to each option."""

import contextlib

from itsdangerous import URLSafeTimedSerializer

PHYSICS = {"room": "physics"}


def test_question_1_a_whisper_is_in_all_windows_of_both(quiz, lesson):
    ada, grace, ben = (lesson.person(name) for name in ("ada", "grace", "ben"))
    lesson.join(ben)
    with contextlib.ExitStack() as stack:
        sockets = [lesson.socket(visitor=person, auth=PHYSICS) for person in (ada, grace, ada, grace, ben)]
        for socket in sockets:
            stack.enter_context(socket)
        assert sockets[0].call("whisper", {"to": "grace", "text": "Psst"}) == {"ok": True}
        *theirs, bens = [not socket.silent("whisper", seconds=2) for socket in sockets]
    grace.delete("/api/rooms/physics/members/ben")

    assert quiz[1].claims == {
        "One of grace's": theirs.count(True) == 1,
        "All of grace's and ada's": all(theirs) and not bens,
        "All in the room": all(theirs) and bens,
    }


def test_question_2_without_a_room_it_goes_to_everybody_on_the_namespace(quiz, lesson):
    with (
        lesson.socket(visitor=lesson.person("ada"), auth=PHYSICS) as in_physics,
        lesson.socket() as in_the_lobby,
        lesson.socket("/jobs") as elsewhere,
    ):
        for socket in (in_physics, in_the_lobby):
            while not socket.silent("online"):
                pass  # it tells of these two themselves
        with lesson.socket():
            heard = [not socket.silent("online", seconds=2) for socket in (in_physics, in_the_lobby, elsewhere)]

    assert quiz[2].claims == {
        "Everybody on `/board`, in whatever room": heard == [True, True, False],
        "Who is in no room": heard == [False, True, False],
        "Everybody, on whatever namespace": heard == [True, True, True],
    }


def test_question_3_a_room_that_is_not_yours_is_not_there(quiz, lesson):
    ben = lesson.person("ben")
    answers = [ben.get(f"/api/questions?room={room}") for room in ("physics", "nowhere")]

    assert answers[0].text == answers[1].text, "the two should look the same"
    assert {option: option == f"`{answers[0].status_code}`" for option in quiz[3].options} == quiz[3].claims


def test_question_4_a_token_can_be_read_and_used_but_not_changed(quiz, lesson):
    ada = {"name": "ada", "password": "live-flask"}
    token = lesson.program().post("/api/tokens", json=ada).json()["token"]
    finder = URLSafeTimedSerializer("not the server's secret", salt="token")
    _, content = finder.loads_unsafe(token)

    def who_is(token):
        return lesson.program().get("/api/me", headers={"Authorization": f"Bearer {token}"}).json()["name"]

    can = {
        "Read what is in it": bool(content),
        "Be ada with it": who_is(token) == "ada",
        "Change what is in it": who_is(finder.dumps(content)) is not None or who_is(f"x{token}") is not None,
    }
    assert {option: not possible for option, possible in can.items()} == quiz[4].claims


def test_question_5_signing_out_closes_the_other_tab_s_socket(quiz, lesson):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    with lesson.socket(visitor=ada, auth=PHYSICS) as tab:
        assert ada.post("/api/logout").status_code == 204
        closed = tab.ends(within=5)
        grace.post("/api/questions?room=physics", json={"text": "Is ada still listening?"})
        hears = not tab.silent("question_asked")

    assert quiz[5].claims == {
        "It is closed at once": closed,
        "It hears what happens, until she closes the tab": hears,
        "It hears no more, but stays open": not closed and not hears,
    }
