"""Step 1: an event stream is one response that goes on, in lines of text."""

import itertools

import pytest

BOARD = {"channel": "board"}
OPEN = """address => new Promise(opened => {
    new EventSource(address).onopen = event => opened(event.target.readyState);
})"""


def test_the_response_says_what_it_is_and_goes_on(lesson):
    with lesson.asking(), lesson.program().stream("GET", "/stream", params=BOARD, timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")

        data = (line for line in answer.iter_lines() if line.startswith("data:"))
        assert len(list(itertools.islice(data, 2))) == 2, "the same response should bring one event after the other"


def test_an_event_is_a_few_lines_and_an_empty_one(lesson):
    with lesson.asking(), lesson.program().stream("GET", "/stream", params=BOARD, timeout=5) as answer:
        event = next(filter(has_data, blocks(itertools.islice(answer.iter_lines(), 10))), None)
    if event is None:
        pytest.fail("no event came within ten lines: an empty line should end each")

    assert {"event", "data"} <= {line.partition(":")[0] for line in event}, "each line should name its field"


def test_the_browser_keeps_it_open(lesson, alice):
    with lesson.asking():
        assert alice.does(OPEN, f"{lesson.api}/stream?channel=board") == 1, "EventSource should say that it is open"
        assert alice.sees("live", within=5), "and the page that it is live"


def has_data(block):
    return any(line.startswith("data:") for line in block)


def blocks(lines):
    """What stands between two empty lines, each as a list."""
    block = []
    for line in lines:
        if line:
            block.append(line)
        else:
            yield block
            block = []
