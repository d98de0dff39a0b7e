"""Step 6: a room knows who is in it, each person once, and notices when they go, however they go."""

import signal

import pytest

from course.processes import wait_for
from course.testkit.sockets import NodeSocket, first_way

PHYSICS = {"room": "physics"}


def names(socket, expected, within=5):
    """Whether the last that was told of who is here are these, before so many seconds are over."""

    return wait_for(within, lambda: told(socket)[-1:] == [expected])


def told(socket):
    return [event.data["names"] for event in socket.heard if event.type == "presence"]


def test_who_enters_is_told_who_is_there(lesson):
    with lesson.socket(visitor=lesson.person("grace"), auth=PHYSICS) as teacher:
        assert "grace" in teacher.call("enter", PHYSICS).get("names", [])


@first_way
def test_a_person_is_there_once_with_however_many_tabs(lesson, client, transport):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    with lesson.socket(visitor=grace, auth=PHYSICS, client=client, transport=transport) as teacher:
        assert names(teacher, ["grace"])
        with lesson.socket(visitor=ada, auth=PHYSICS) as first:
            assert names(teacher, ["ada", "grace"])
            assert first.call("enter", PHYSICS)["names"] == ["ada", "grace"]
            with lesson.socket(visitor=ada, auth=PHYSICS) as second:
                assert second.call("enter", PHYSICS)["names"] == ["ada", "grace"], "and not three"
            assert not names(teacher, ["grace"], within=0.5), "a tab was closed, but her other one is still there"
        assert names(teacher, ["grace"]), "now she is gone"


def test_who_enters_and_leaves_is_told_to_the_room_and_nobody_else(lesson):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    with lesson.socket() as guest, lesson.socket(visitor=grace, auth=PHYSICS) as teacher:
        assert names(teacher, ["grace"])
        with lesson.socket(visitor=ada) as learner:
            learner.call("enter", PHYSICS)
            assert names(teacher, ["ada", "grace"])
            learner.call("leave", PHYSICS)
            assert names(teacher, ["grace"])
        assert guest.silent("presence"), "who is in a room is no business of the lobby's"


def test_a_client_that_is_killed_is_noticed(lesson):
    with lesson.socket(visitor=lesson.person("grace"), auth=PHYSICS) as teacher:
        learner = lesson.socket(visitor=lesson.person("ada"), auth=PHYSICS, client=NodeSocket)
        assert names(teacher, ["ada", "grace"])
        learner.vanish()
        assert names(teacher, ["grace"])


@pytest.mark.long
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows stops no process")
def test_a_pulled_plug_is_noticed_within_the_ping_timeout(lesson):
    with lesson.socket(visitor=lesson.person("grace"), auth=PHYSICS) as teacher:
        learner = lesson.socket(visitor=lesson.person("ada"), auth=PHYSICS, client=NodeSocket)
        assert names(teacher, ["ada", "grace"])

        learner.process.send_signal(signal.SIGSTOP)  # its connection stays open, and nobody is there
        try:
            assert names(teacher, ["grace"], within=30), "a ping is answered within 20 s, or she is gone"
        finally:
            learner.process.send_signal(signal.SIGCONT)
            learner.vanish()


def test_coming_and_going_many_times_leaves_nobody_behind(lesson):
    ada = lesson.person("ada")
    with lesson.socket(visitor=lesson.person("grace"), auth=PHYSICS) as teacher:
        for _ in range(10):
            with lesson.socket(visitor=ada, auth=PHYSICS), lesson.socket(visitor=ada, auth=PHYSICS):
                pass
        assert wait_for(5, lambda: teacher.call("enter", PHYSICS)["names"] == ["grace"])


def test_one_browser_with_two_tabs_is_one_who_is_here(lesson):
    visitor = lesson.visitor()
    visitor.put("/api/browser")
    with lesson.socket(visitor=visitor) as first:
        assert wait_for(60, lambda: count(first) == 1), "by then who was here before is given up"
        with lesson.socket(visitor=visitor) as second:
            assert wait_for(5, lambda: count(second) == 1)
            with lesson.socket():
                assert wait_for(5, lambda: count(first) == 2)


def count(socket):
    """How many are here, as the socket was told last."""
    return [0, *(event.data["count"] for event in socket.heard if event.type == "online")][-1]


def test_the_page_shows_who_is_here(lesson, window):
    ada, grace = window(lesson.page), window(lesson.page)
    ada.sign_in("ada"), grace.sign_in("grace")
    for person in (ada, grace):
        person.page.get_by_role("link", name="physics").click()
    here = grace.page.get_by_role("list", name="Here now")
    assert grace.shows(here.get_by_text("ada"))
    assert grace.shows(here.get_by_text("grace"))

    ada.page.close()
    assert grace.shows(here.get_by_text("ada"), within=5, state="hidden")
