"""Step 3: a reader chooses among the channels that exist, and knows at once that it is heard."""

import pytest


@pytest.mark.parametrize(
    "channel", ["sse", "job:guess", "live-flask:notifications", "__keyspace@0__:*", "*", "x" * 2000, "a\nb"]
)
def test_a_channel_that_is_not_there_is_404(lesson, channel):
    with lesson.program().stream("GET", "/stream", params={"channel": channel}, timeout=3) as answer:
        assert answer.status_code == 404
        answer.read()
    assert answer.json()["error"].endswith(".")


def test_without_a_channel_it_is_the_board_and_the_first_line_comes_at_once(lesson):
    with lesson.program().stream("GET", "/stream", timeout=3) as answer:
        assert answer.status_code == 200
        assert next(answer.iter_lines()) == "retry: 1000", "the browser should be told how soon to come back"


def test_whoever_has_had_the_first_line_hears_of_the_next_question(lesson):
    with lesson.stream() as stream:
        for text in ("first", "second"):
            lesson.visitor().post("/api/questions", json={"text": text})
            assert stream.next(within=2).data["question"]["text"] == text, "the same response should bring each event"


def test_a_page_is_live_and_shows_the_list_before_anything_happens(lesson, window):
    lesson.visitor().post("/api/questions", json={"text": "Was I here before you?"})
    carol = window(lesson.page)

    assert carol.sees("Was I here before you?"), "the page should load the list as soon as its stream is open"
    assert carol.shows(carol.page.get_by_text("live", exact=True))
