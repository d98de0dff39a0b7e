"""Nothing lost, proved: three writers, and a Redis, a server and readers that come and go meanwhile."""

import random
import threading

import httpx
import pytest

from course.processes import wait_for

pytestmark = pytest.mark.long
WRITERS = 3


class Reader:
    """Somebody who reads on whatever happens, and comes back with the last number she saw."""

    def __init__(self, lesson, last):
        self.lesson, self.last, self.seen, self.stop = lesson, last, [], threading.Event()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.stop.is_set():
            try:
                with self.lesson.stream(last_event_id=self.last) as stream:
                    patience = random.uniform(0.2, 2)  # then the Wi-Fi goes
                    while not self.stop.is_set() and (event := stream.next(within=patience)):
                        self.seen.append(int(event.id))
                        self.last = int(event.id)
                        if random.random() < 0.01:
                            break
            except (httpx.HTTPError, AssertionError):
                self.stop.wait(0.1)


def write(lesson, changes, done):
    """Ask so many questions; whatever was not answered with 201 is asked again."""
    while len(done) < changes:
        try:
            answer = httpx.post(f"{lesson.api}/api/questions", json={"text": f"Question {len(done)}"}, timeout=10)
            assert answer.status_code == 201, answer.text
            done.append(answer.json()["id"])
        except httpx.HTTPError:
            threading.Event().wait(0.05)  # the server is away


@pytest.mark.parametrize("changes", [150, pytest.param(501, marks=pytest.mark.slow)])
def test_every_reader_ends_with_every_number_once_and_in_order(lesson, changes):
    written = [[] for _ in range(WRITERS)]
    start = lesson.newest()
    readers = [Reader(lesson, start) for _ in range(6)]
    writers = [threading.Thread(target=write, args=[lesson, changes // WRITERS, done], daemon=True) for done in written]
    for writer in writers:
        writer.start()

    def progress():
        return sum(map(len, written)) / changes

    assert wait_for(60, lambda: progress() > 0.2)
    with lesson.redis_stopped():
        assert wait_for(60, lambda: progress() > 0.4), "writing should go on without Redis"
    with lesson.api_stopped():
        pass
    assert wait_for(60, lambda: progress() > 0.7)
    with lesson.redis_stopped(), lesson.api_stopped():
        pass
    for writer in writers:
        writer.join(60)
        assert not writer.is_alive()

    expected = list(range(start + 1, lesson.newest() + 1))
    assert len(expected) >= changes, "each change should have its number"
    for reader in readers:
        wait_for(20, lambda r=reader: r.last == expected[-1])
        reader.stop.set()
        assert reader.seen == expected, "every number once and in order"
