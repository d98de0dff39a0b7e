"""Step 1: a room is a board of its own: what happens in it is told to who is in it, and counted there."""

import secrets

import pytest

from course.processes import wait_for
from course.testkit.sockets import first_way


def ask(socket, text, room="physics"):
    receipt = socket.call("ask", {"room": room, "text": text, "key": secrets.token_hex(8)})
    return receipt["question"]


def texts(events):
    return [event.data["question"]["text"] for event in events]


def number_of(lesson, visitor, room):
    with lesson.socket(visitor=visitor) as socket:
        return socket.call("enter", {"room": room})["seq"]


@first_way
def test_who_enters_is_told_how_the_room_is(lesson, client, transport):
    ada = lesson.person("ada")
    with lesson.socket(visitor=ada, client=client, transport=transport) as socket:
        before = socket.call("enter", {"room": "physics"})
        question = ask(socket, "What is a photon?")
        receipt = socket.call("enter", {"room": "physics"})

    assert receipt["ok"]
    assert receipt["room"] == "physics"
    assert receipt["teacher"] is False
    assert receipt["seq"] == before["seq"] + 1
    assert question in receipt["questions"]
    assert question["mine"]
    assert question["author"] == "ada"


@first_way
def test_what_happens_in_a_room_stays_in_it(lesson, client, transport):
    ada, grace = lesson.person("ada"), lesson.person("grace")
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
    ada = lesson.person("ada")
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


def test_who_leaves_hears_no_more_of_it(lesson):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    with lesson.socket(visitor=grace) as teacher, lesson.socket(visitor=ada) as learner:
        teacher.call("enter", {"room": "physics"})
        ask(learner, "Do you hear this?")
        while texts([teacher.next("question_asked")]) != ["Do you hear this?"]:
            pass  # that was asked before she came, and is told late
        assert teacher.call("leave", {"room": "physics"}) == {"ok": True}

        ask(learner, "Who hears this?")

        assert teacher.silent("question_asked")
        assert "You are in no such room" in teacher.call("leave", {"room": "physics"})["error"]


@first_way
def test_who_comes_back_is_in_her_room_and_is_told_what_she_missed(lesson, client, transport):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    seen = number_of(lesson, grace, "physics")
    with lesson.socket(visitor=ada) as learner:
        for text in ("missed one", "missed two"):
            ask(learner, text)
        back = {"room": "physics", "after": seen}
        with lesson.socket(visitor=grace, client=client, transport=transport, auth=back) as teacher:
            assert texts(teacher.take(2, "question_asked")) == ["missed one", "missed two"]
            ask(learner, "and live")
            assert texts(teacher.take(1, "question_asked")) == ["and live"]
            missed = teacher.call("catch_up", back)["events"]
            assert [event["data"]["seq"] for event in missed] == [seen + 1, seen + 2, seen + 3]


def test_a_closed_room_is_gone_for_all_who_were_in_it(lesson):
    grace, ada = lesson.person("grace"), lesson.person("ada")
    assert grace.post("/api/rooms", json={"name": "history", "code": "1789"}).status_code == 201
    assert ada.post("/api/rooms/history/members", json={"code": "1789"}).status_code == 201
    with lesson.socket(visitor=ada) as learner, lesson.stream("room:history", visitor=ada) as stream:
        learner.call("enter", {"room": "history"})
        question = ask(learner, "Was it all in vain?", room="history")
        assert stream.next().type == "question_asked"

        assert grace.delete("/api/rooms/history").status_code == 204

        assert learner.next("closed").data == {"room": "history"}
        assert stream.next() is None, "the stream should end"
        assert "no such room" in learner.call("enter", {"room": "history"})["error"]
        assert "no such question" in learner.call("vote", {"id": question["id"]})["error"]
    assert ada.get("/api/questions?room=history").status_code == 404


def test_no_second_room_gets_the_name_of_one_that_was_closed(lesson):
    grace = lesson.person("grace")
    assert grace.post("/api/rooms", json={"name": "once", "code": "x"}).status_code == 201
    grace.delete("/api/rooms/once")

    again = grace.post("/api/rooms", json={"name": "once", "code": "x"})

    assert again.status_code == 400, "or its members would hear what is meant for others"
    assert again.json()["error"] == "There is a room with this name, or was: choose another."


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


@pytest.mark.parametrize("room", [None, 1, [], {}, "", "x" * 10_000, "lobby ", "room:physics", "\0"], ids=repr)
def test_what_is_no_room_is_answered_in_one_sentence(lesson, room):
    with lesson.socket(visitor=lesson.person("ada")) as socket:
        assert "There is no such room" in socket.call("enter", {"room": room})["error"]
        assert "You are in no such room" in socket.call("leave", {"room": room})["error"]
        assert ask(socket, "All well?", room="lobby")


def test_the_page_goes_from_room_to_room(lesson, window):
    ada, grace = window(lesson.page), window(lesson.page)
    for person, name in ((ada, "ada"), (grace, "grace")):
        person.sign_in(name)
        person.page.get_by_role("link", name="physics").click()
        assert person.shows(person.page.get_by_role("heading", name="physics"))
    ada.page.get_by_label("Your question", exact=True).fill("Is light a wave?")
    ada.page.get_by_role("button", name="Ask", exact=True).click()
    assert grace.shows(grace.question("Is light a wave?"))

    grace.page.get_by_role("link", name="lobby").click()
    assert grace.sees_no_more("Is light a wave?")
    grace.page.get_by_role("link", name="physics").click()
    assert grace.shows(grace.question("Is light a wave?"))

    with grace.offline(), lesson.socket(visitor=lesson.person("ada")) as socket:
        ask(socket, "Is it a particle?")
    assert grace.shows(grace.question("Is it a particle?"), within=10), "she comes back into her room"
    assert wait_for(2, lambda: grace.page.url.endswith("#physics"))
