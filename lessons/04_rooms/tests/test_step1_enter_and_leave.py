"""Step 1: who enters a room hears what happens in it, and who is elsewhere does not."""

import secrets

import pytest

from course.testkit.sockets import first_way


def ask(socket, text, room="physics"):
    acked = socket.call("ask", {"room": room, "text": text, "key": secrets.token_hex(8)})
    return acked["question"]


def texts(events):
    return [event.data["question"]["text"] for event in events]


def number_of(lesson, visitor, room):
    with lesson.socket(visitor=visitor) as socket:
        return socket.call("enter", {"room": room})["seq"]


@first_way
def test_who_is_in_a_room_hears_what_is_asked_there_and_the_lobby_does_not(lesson, client, transport):
    ada, grace = lesson.somebody("ada"), lesson.somebody("grace")
    with (
        lesson.socket() as guest,
        lesson.socket(visitor=grace, client=client, transport=transport) as teacher,
        lesson.socket(visitor=ada) as learner,
    ):
        assert teacher.call("enter", {"room": "physics"})["ok"]
        ask(learner, "Only for physics?")

        heard = teacher.next("question_asked").data
        assert heard["question"]["text"] == "Only for physics?"
        assert heard["room"] == "physics"
        assert guest.silent("question_asked"), "the lobby hears nothing of it"


def test_who_connects_with_a_room_is_in_it_at_once(lesson):
    ada = lesson.somebody("ada")
    with lesson.socket(visitor=ada, auth={"room": "physics"}) as socket:
        ask(socket, "In the room?")
        assert texts(socket.take(1, "question_asked")) == ["In the room?"]
        ask(socket, "And in the lobby?", room="lobby")
        assert socket.silent("question_asked"), "a connection that names a room is not in the lobby"


def test_who_leaves_hears_no_more_of_it(lesson):
    ada, grace = lesson.somebody("ada"), lesson.somebody("grace")
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
    ada, grace = lesson.somebody("ada"), lesson.somebody("grace")
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


@pytest.mark.parametrize("room", [None, 1, [], {}, "", "x" * 10_000, "lobby ", "room:physics", "\0"], ids=repr)
def test_what_is_no_room_is_answered_in_one_sentence(lesson, room):
    with lesson.socket(visitor=lesson.somebody("ada")) as socket:
        assert "There is no such room" in socket.call("enter", {"room": room})["error"]
        assert "You are in no such room" in socket.call("leave", {"room": room})["error"]
        assert ask(socket, "All well?", room="lobby")
