"""Step 7: a whisper goes to one person, in all her windows, and to nobody else."""

import pytest

from course.processes import wait_for
from course.testkit.sockets import first_way

PHYSICS = {"room": "physics"}


@first_way
def test_a_whisper_reaches_one_person_in_every_tab(lesson, client, transport):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    with (
        lesson.socket(visitor=grace, auth=PHYSICS, client=client, transport=transport) as teacher,
        lesson.socket(visitor=grace) as teacher_elsewhere,
        lesson.socket(visitor=ada, auth=PHYSICS) as learner,
        lesson.socket(visitor=ada) as learner_elsewhere,
        lesson.socket() as guest,
    ):
        assert learner.call("whisper", {"to": "grace", "text": " I am lost "}) == {"ok": True}

        for window in (teacher, teacher_elsewhere, learner, learner_elsewhere):
            said = window.next("whisper").data
            assert (said["from"], said["to"], said["text"]) == ("ada", "grace", "I am lost")
        assert teacher.silent("whisper", seconds=0.3), "once in each"
        assert guest.silent("whisper", seconds=0.1)


def test_others_in_the_room_hear_nothing_of_it(lesson):
    grace, ada, ben = (lesson.person(name) for name in ("grace", "ada", "ben"))
    lesson.join(ben)
    sockets = [lesson.socket(visitor=person, auth=PHYSICS) for person in (grace, ada, ben)]
    with sockets[0] as teacher, sockets[1] as learner, sockets[2] as other:
        learner.call("whisper", {"to": "grace", "text": "Between us"})

        assert teacher.next("whisper")
        assert other.silent("whisper")
    grace.delete("/api/rooms/physics/members/ben")


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"to": "ben", "text": "x"}, "nobody of that name"),
        ({"to": "no such person", "text": "x"}, "nobody of that name"),
        ({"to": None, "text": "x"}, "nobody of that name"),
        ({"to": ["grace"], "text": "x"}, "nobody of that name"),
        ({"to": "person:1", "text": "x"}, "nobody of that name"),
        ({"text": "x"}, "nobody of that name"),
        ({"to": "grace", "text": ""}, "1 to 280"),
        ({"to": "grace", "text": "x" * 281}, "1 to 280"),
        ({"to": "grace", "text": 1}, "must be a text"),
        ({"to": "grace"}, "must be a text"),
    ],
    ids=str,
)
def test_a_whisper_that_cannot_be_is_answered(lesson, sent, why):
    grace, ada, ben = (lesson.person(name) for name in ("grace", "ada", "ben"))
    with (
        lesson.socket(visitor=ben) as elsewhere,
        lesson.socket(visitor=grace, auth=PHYSICS),
        lesson.socket(visitor=ada, auth=PHYSICS) as learner,
    ):
        assert wait_for(5, lambda: learner.call("enter", PHYSICS)["names"] == ["ada", "grace"])
        assert why in learner.call("whisper", sent)["error"]
        assert elsewhere.silent("whisper", seconds=0.1), "ben is in no room with ada"


def test_a_guest_whispers_to_nobody(lesson):
    with lesson.socket() as guest:
        assert guest.call("whisper", {"to": "grace", "text": "Hello"})["error"] == "Sign in first."


def test_who_comes_later_does_not_hear_it_and_no_log_has_it(lesson):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    with lesson.socket(visitor=grace, auth=PHYSICS), lesson.socket(visitor=ada, auth=PHYSICS) as learner:
        learner.call("whisper", {"to": "grace", "text": "Written nowhere 4711"})
        with lesson.socket(visitor=grace, auth={"room": "physics", "after": 0}) as later:
            assert later.silent("whisper")
    written = b"".join(path.read_bytes() for path in lesson.database.parent.glob(f"{lesson.database.name}*"))
    assert b"Written nowhere 4711" not in written


def test_the_page_whispers(lesson, window):
    ada, grace = window(lesson.page), window(lesson.page)
    ada.sign_in("ada"), grace.sign_in("grace")
    for person in (ada, grace):
        person.page.get_by_role("link", name="physics").click()
    for person in (ada, grace):
        person.opens("Whispers")
    ada.page.get_by_label("Whisper to").select_option("grace")
    ada.page.get_by_label("Your whisper").fill("<b>Psst</b>")
    ada.page.get_by_role("button", name="Whisper").click()

    assert grace.shows(grace.page.get_by_role("log").get_by_text("ada: <b>Psst</b>"))
    assert ada.shows(ada.page.get_by_role("log").get_by_text("to grace: <b>Psst</b>"))
