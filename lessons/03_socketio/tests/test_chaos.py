"""Nothing lost, nothing twice, proved: Redis, the server, the readers and the writers come and go meanwhile."""

from collections import Counter

import pytest

from course.processes import wait_for
from course.testkit.crowd import Reader, Writer

pytestmark = pytest.mark.long
WRITERS = 3


@pytest.mark.parametrize("changes", [150, pytest.param(501, marks=pytest.mark.slow)])
def test_every_question_is_there_once_and_everybody_heard_every_number_in_order(lesson, changes):
    start = lesson.newest()
    texts = [f"{changes} {number}" for number in range(changes)]
    readers = [Reader(lesson, transport, start) for transport in ["websocket", "polling"] * 3]
    ways = ["websocket", "polling", None]
    writers = [Writer(lesson, ways[number], texts[number::WRITERS]) for number in range(WRITERS)]
    for person in readers + writers:
        person.thread.start()

    def progress():
        return sum(len(writer.asked) for writer in writers) / changes

    assert wait_for(60, lambda: progress() > 0.2)
    with lesson.redis_stopped():
        assert wait_for(60, lambda: progress() > 0.4), "writing should go on without Redis"
    with lesson.api_stopped():
        pass
    assert wait_for(60, lambda: progress() > 0.7)
    with lesson.redis_stopped(), lesson.api_stopped():
        pass
    assert wait_for(60, lambda: progress() == 1)

    asked = Counter(question["text"] for question in lesson.program().get("/api/questions").json())
    assert all(asked[text] == 1 for text in texts), "each question should be there, once"
    expected = list(range(start + 1, lesson.newest() + 1))
    assert len(expected) == changes, "and each should have its number"
    for reader in readers:
        wait_for(20, lambda seat=reader.seat: seat.last == expected[-1])
        reader.stop.set()
        assert reader.seat.seen == expected, "every number once and in order"
