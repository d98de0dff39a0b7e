"""Step 6: every event has a number, and a reader that was away gets what it missed: once, and in order."""

import json

import pytest

LISTEN = """address => new Promise(heard => {
    const stream = new EventSource(address);
    stream.addEventListener("question_asked", event => { stream.close(); heard([event.lastEventId, event.data]); });
    stream.onopen = () => fetch(address.replace("/stream", "/api/questions"), {
        method: "POST", headers: {"Content-Type": "application/json"}, body: '{"text": "日本語?"}',
    });
})"""


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


def test_an_event_is_a_few_lines_and_an_empty_one(lesson):
    with lesson.program().stream("GET", "/stream", timeout=5) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000", "the browser should be told how soon to come back"
        assert next(lines).startswith("id:"), "and where the log stands"
        lesson.visitor().post("/api/questions", json={"text": "two\nlines"})
        event, line = {}, next(lines)
        while line or "data" not in event:
            name, _, event[name] = line.partition(":")
            line = next(lines)

    assert {"id", "event", "data"} <= event.keys()
    assert "two\\nlines" in event["data"], "a line break in the text should not become one in the stream"


def test_the_browser_knows_the_number(lesson, alice):
    number, data = alice.does(LISTEN, f"{lesson.api}/stream")

    assert number.isdecimal(), "EventSource should know the event's id"
    assert json.loads(data)["seq"] == int(number)
    assert json.loads(data)["question"]["text"] == "日本語?", "an event stream is UTF-8"


def test_what_changes_nothing_is_no_event(lesson):
    visitor = lesson.visitor()
    where = visitor.post("/api/questions", json={"text": "Once is enough"}).headers["Location"]
    visitor.put(f"{where}/vote")
    with lesson.stream() as stream:
        visitor.put(f"{where}/vote")
        visitor.patch(where, json={"text": ""})
        assert stream.silent(0.7)

        visitor.delete(where)
        withdrawn = stream.next(within=2)
    assert withdrawn.data == {"seq": int(withdrawn.id), "id": int(where.rpartition("/")[2])}


def test_a_reader_that_comes_late_gets_all_that_an_export_reported(lesson):
    job = lesson.visitor().post("/api/exports").json()["job"]
    with lesson.stream(channel=f"job:{job}", last_event_id=0) as stream:
        *progress, done = stream.take(11, within=10)

    assert [event.data["percent"] for event in progress] == list(range(10, 101, 10))
    assert {event.data["job"] for event in [*progress, done]} == {job}
    assert done.type == "job_done"


def test_a_reader_that_comes_late_is_told_of_a_failure_too(lesson):
    with lesson.table_missing("question"):
        job = lesson.visitor().post("/api/exports").json()["job"]
        with lesson.stream(channel=f"job:{job}", last_event_id=0) as stream:
            done = stream.next(within=5)

    assert done.type == "job_done"
    assert done.data["url"] is None
    assert done.data["error"].startswith("The export failed")


def test_who_has_the_newest_already_does_not_get_it_again(lesson):
    with lesson.redis_stopped(), lesson.stream() as early:  # without Redis a listener is a moment behind the log
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
        ask(lesson, "Who needs Redis?")

        assert texts([stream.next(within=4)]) == ["Who needs Redis?"], "the stream should find it in the log"
    with lesson.stream() as stream:
        ask(lesson, "Redis is back")
        assert texts([stream.next(within=4)]) == ["Redis is back"]
