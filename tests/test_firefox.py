"""In Firefox, too, two people talk by each lesson's page; where none is installed, this is left out."""

import pytest

from course.catalogue import lessons
from course.served import LessonUnderTest
from course.testkit.firefox import Firefox, command

LESSONS = lessons()
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not command(), reason="there is no Firefox: apt-get install firefox-esr brings it"),
]


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    with Firefox(tmp_path_factory.mktemp("firefox")) as firefox:
        yield firefox


@pytest.mark.parametrize("number", LESSONS)
def test_two_people_talk_in_firefox(number, firefox, tmp_path):
    workers = 2 if LESSONS[number].has_workers else None
    with (
        LessonUnderTest(LESSONS[number], tmp_path, workers=workers) as lesson,
        firefox.window(lesson.page) as alice,
        firefox.window(lesson.page) as bob,
    ):
        alice.press("textbox", "Your question")
        alice.types("Does Firefox hear it?")
        alice.press("button", "Ask")
        assert alice.sees("Asked.")
        if number == 1:
            bob.press("button", "Refresh")
        assert bob.sees("Does Firefox hear it?")

        bob.press("button", "Vote for: Does Firefox hear it?, 0 votes")
        assert bob.sees("Voted.")
        if number == 1:
            alice.press("button", "Refresh")
        assert alice.find("button", "Vote for: Does Firefox hear it?, 1 vote"), "and alice should see it"

        alice.press("button", "Withdraw: Does Firefox hear it?")
        alice.press("button", "Yes, withdraw")
        assert alice.sees("Withdrawn.") and alice.sees("No questions yet.")
    assert firefox.complaints == []
