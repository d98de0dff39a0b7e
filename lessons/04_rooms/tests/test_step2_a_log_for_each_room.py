"""Step 2: each room has a log of its own: what happens in it is counted there, and told to nobody else."""

import secrets

from course.testkit.sockets import first_way


def ask(socket, text, room="physics"):
    acked = socket.call("ask", {"room": room, "text": text, "key": secrets.token_hex(8)})
    return acked["question"]


@first_way
def test_who_enters_is_told_how_the_room_is(lesson, client, transport):
    ada = lesson.somebody("ada")
    with lesson.socket(visitor=ada, client=client, transport=transport) as socket:
        before = socket.call("enter", {"room": "physics"})
        question = ask(socket, "What is a photon?")
        acked = socket.call("enter", {"room": "physics"})

    assert acked["ok"]
    assert acked["room"] == "physics"
    assert acked["seq"] == before["seq"] + 1
    assert question in acked["questions"]
    assert question["mine"]


@first_way
def test_what_happens_in_a_room_stays_in_it(lesson, client, transport):
    ada, grace = lesson.somebody("ada"), lesson.somebody("grace")
    with (
        lesson.socket() as guest,
        lesson.stream() as lobby,
        lesson.stream("room:physics", visitor=grace) as physics,
        lesson.socket(visitor=grace, client=client, transport=transport) as teacher,
        lesson.socket(visitor=ada) as learner,
    ):
        teacher.call("enter", {"room": "physics"})
        asked = ask(learner, "Only for physics?")
        heard = teacher.next("question_asked")

        assert heard.data["question"]["text"] == "Only for physics?"
        assert heard.data["room"] == "physics"
        assert physics.next().data == heard.data, "by stream as by socket"
        learner.call("vote", {"id": asked["id"]})
        assert teacher.next("question_changed").data["question"]["votes"] == 1
        assert guest.silent("question_asked", "question_changed"), "the lobby hears nothing of it"
        assert lobby.silent(0.2), "the lobby hears nothing of it"
    assert "Only for physics?" not in lesson.program().get("/api/questions").text
    assert "Only for physics?" in ada.get("/api/questions?room=physics").text


def test_each_room_counts_for_itself_without_gaps(lesson):
    ada = lesson.somebody("ada")
    with lesson.socket(visitor=ada) as socket:
        first = socket.call("enter", {"room": "physics"})["seq"]
        for number in range(5):
            ask(socket, f"physics {number}")
            ask(socket, f"lobby {number}", room="lobby")
        heard = [event.data for event in socket.take(10, "question_asked")]

    in_physics = [data["seq"] for data in heard if data.get("room") == "physics"]
    in_the_lobby = [data["seq"] for data in heard if "room" not in data]
    assert in_physics == list(range(first + 1, first + 6))
    assert in_the_lobby == list(range(in_the_lobby[0], in_the_lobby[0] + 5))


def test_who_catches_up_in_the_lobby_hears_nothing_of_a_room(lesson):
    ada = lesson.somebody("ada")
    with lesson.socket(visitor=ada) as socket, lesson.socket() as guest:
        before = guest.next("heartbeat").data["seq"]
        ask(socket, "Behind closed doors?")
        ask(socket, "In the open?", room="lobby")

        missed = guest.call("catch_up", {"after": before})["events"]

        assert [event["data"]["question"]["text"] for event in missed] == ["In the open?"]
