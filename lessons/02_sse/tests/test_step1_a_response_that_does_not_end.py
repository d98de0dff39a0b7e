"""Step 1: an event stream is one response that goes on, in lines of text."""

import json

LISTEN = """address => new Promise(heard => {
    const stream = new EventSource(address);
    stream.addEventListener("question_asked", event => { stream.close(); heard([event.lastEventId, event.data]); });
    stream.onopen = () => fetch(address.replace("/stream", "/api/questions"), {
        method: "POST", headers: {"Content-Type": "application/json"}, body: '{"text": "日本語?"}',
    });
})"""


def test_the_response_says_what_it_is_and_goes_on(lesson):
    with lesson.stream() as stream:
        assert stream.response.headers["Content-Type"].startswith("text/event-stream")

        for text in ("first", "second"):
            lesson.visitor().post("/api/questions", json={"text": text})
            assert stream.next(within=2).data["question"]["text"] == text, "the same response should bring each event"


def test_an_event_is_a_few_lines_and_an_empty_one(lesson):
    with lesson.program().stream("GET", "/stream", timeout=5) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000", "the browser should be told how soon to come back"
        lesson.visitor().post("/api/questions", json={"text": "two\nlines"})
        event = [line for line in (next(lines) for _ in range(6)) if line]

    names = [line.partition(":")[0] for line in event]
    assert names[-3:] == ["id", "event", "data"]
    assert "two\\nlines" in event[-1], "a line break in the text should not become one in the stream"


def test_the_browser_understands_it(lesson, alice):
    number, data = alice.does(LISTEN, f"{lesson.api}/stream")

    assert number.isdecimal(), "EventSource should know the event's id"
    assert json.loads(data)["question"]["text"] == "日本語?", "an event stream is UTF-8"
