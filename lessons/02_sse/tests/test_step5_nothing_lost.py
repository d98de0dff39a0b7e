"""Step 5: every event has a number, and who was away gets what it missed: once, and in order."""

import pytest

from course.processes import wait_for
from course.served import Cable


def ask(lesson, *texts):
    for text in texts:
        assert lesson.program().post("/api/questions", json={"text": text}).status_code == 201


def texts(events):
    return [event.data["question"]["text"] for event in events]


@pytest.mark.parametrize("id", ["-1", "999999999", "9" * 40, "yesterday", "1.5", "0x1", " ", "१"])
def test_a_number_this_log_never_had_is_answered_with_reset(lesson, id):
    with lesson.stream(last_event_id=id.encode()) as stream:
        assert stream.next(within=2).type == "reset"
        ask(lesson, "go on")
        assert texts([stream.next(within=2)]) == ["go on"]


def test_a_reader_who_was_away_gets_what_she_missed_once_and_in_order(lesson):
    with lesson.stream() as stream:
        ask(lesson, "first")
        last = stream.next(within=2).id
    ask(lesson, "second", "third")

    with lesson.stream(last_event_id=last) as stream:
        assert texts(stream.take(2, within=2)) == ["second", "third"]
        ask(lesson, "fourth")
        assert texts([stream.next(within=2)]) == ["fourth"], "and then it goes on live"


def test_numbers_have_no_gaps(lesson):
    with lesson.stream() as stream:
        ask(lesson, *"abcdefghij")
        numbers = [event.data["seq"] for event in stream.take(10, within=5)]

    assert numbers == list(range(numbers[0], numbers[0] + 10))


def test_who_has_the_newest_already_does_not_get_it_again(lesson):
    with lesson.redis_stopped(), lesson.stream() as early:  # no bell: the listener is a moment behind the log
        ask(lesson, "just now")
        with lesson.stream(last_event_id=lesson.newest()) as late:
            assert texts([early.next(within=4)]) == ["just now"]
            assert late.silent(1.5), "a number that was seen is not sent a second time"


def test_a_page_can_ask_by_its_address_too(lesson):
    with lesson.stream() as stream:
        ask(lesson, "one")
        last = stream.next(within=2).id
    ask(lesson, "two")

    with lesson.program().stream("GET", "/stream", params={"last_event_id": last}, timeout=5) as answer:
        assert any("two" in line for line in answer.iter_lines()), "EventSource cannot set a header the first time"


def test_a_number_older_than_the_log_keeps_is_answered_with_reset(lesson):
    with lesson.another_api(EVENTS_KEPT=5) as api:
        ask(api, *"abcdefghij")

        with api.stream(last_event_id=1) as stream:
            here = stream.next(within=2)
            assert here.type == "reset"

        with api.stream(last_event_id=int(here.id) - 5) as stream:
            assert texts(stream.take(5, within=2)) == list("fghij"), "what is kept is replayed"


def test_the_number_of_another_channel_leads_nowhere(lesson):
    ask(lesson, *"0123456789abcdef")
    with lesson.stream(last_event_id=0) as board:
        many = board.next(within=2)
    job = lesson.visitor().post("/api/exports").json()["job"]

    with lesson.stream(channel=f"job:{job}", last_event_id=int(many.id) + 1000) as stream:
        assert stream.next(within=2).type == "reset"


def test_a_page_that_was_offline_shows_what_a_reload_would(alice, bob):
    alice.ask("before")
    assert bob.sees("before")

    with bob.offline():
        alice.ask("meanwhile")
        alice.click("Vote for", "before")
        assert alice.sees("meanwhile")

    assert bob.sees("meanwhile", within=10)
    assert bob.shows(bob.question("before").get_by_text("1", exact=True))
    assert bob.question("meanwhile").count() == 1, "once"


def test_a_page_survives_the_server(lesson, alice):
    assert alice.shows(alice.page.get_by_text("live", exact=True))

    with lesson.api_stopped():
        assert alice.shows(alice.page.get_by_text("reconnecting")), "the page should say that it tries"
    ask(lesson, "asked after the restart")

    assert alice.sees("asked after the restart", within=10)
    assert alice.shows(alice.page.get_by_text("live", exact=True), within=10)


def test_without_redis_nothing_fails_and_the_news_come_a_moment_later(lesson):
    with lesson.stream() as stream, lesson.redis_stopped():
        ask(lesson, "Who needs a bell?")

        assert texts([stream.next(within=4)]) == ["Who needs a bell?"], "the stream should find it in the log"
    with lesson.stream() as stream:
        ask(lesson, "It rings again")
        assert texts([stream.next(within=4)]) == ["It rings again"]


@pytest.mark.long
def test_with_a_redis_that_hangs_the_news_come_a_moment_later(lesson):
    with lesson.redis_hung(), lesson.another_api() as newcomer, newcomer.stream() as stream:
        for number in range(3):
            ask(lesson, f"Does it hang? {number}")
            assert texts([stream.next(within=5)]) == [f"Does it hang? {number}"], "the stream should find it in the log"
    with lesson.stream() as stream:
        ask(lesson, "It goes on")
        assert texts([stream.next(within=4)]) == ["It goes on"]


@pytest.mark.long
def test_when_the_connection_to_redis_goes_silent_another_is_opened(lesson):
    with (
        Cable(lesson.redis_port) as cable,
        lesson.another_api(REDIS_URL=cable.url) as newcomer,
        newcomer.stream() as stream,
    ):

        def is_quick():
            ask(lesson, "Is it quick?")
            slow = stream.silent(0.3)
            if slow:
                assert stream.next(within=4), "found in the log"
            return not slow

        def is_quick_each_time():
            return all(is_quick() for _ in range(4))

        assert wait_for(5, is_quick_each_time), "Redis says at once that there is news"
        cable.hush()
        assert wait_for(15, is_quick_each_time), "it should listen to Redis again"
