"""Step 10: Redis says that there is news, so the pages hear of it at once; however many read, one subscription does."""

import contextlib
import socket
import statistics
import time

import pytest
import redis

from course.processes import wait_for
from course.served import Cable

READERS = 200


def test_two_hundred_readers_share_one_subscription_and_all_see_the_same(lesson):
    host, port = "localhost", int(lesson.api.rpartition(":")[2])
    with contextlib.ExitStack() as sockets, redis.Redis.from_url(lesson.env["FLASK_REDIS_URL"]) as server:

        def reader():
            connection = sockets.enter_context(socket.create_connection((host, port), timeout=20))
            connection.sendall(f"GET /stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            return connection

        readers = [reader()]
        read_until(readers[0], b"retry")
        assert wait_for(2, lambda: server.client_list(_type="pubsub")), "for a reader, it should listen to Redis"
        readers += [reader() for _ in range(READERS - 1)]
        for each in readers[1:]:
            read_until(each, b"retry")

        subscriptions = len(server.client_list(_type="pubsub"))
        most = 2 * len(lesson.processes)  # from lesson 5 on, each process has one more, for its message queue
        assert 0 < subscriptions <= most, "one subscription should serve all readers"

        for text in ("first to all", "second to all"):
            lesson.program().post("/api/questions", json={"text": text})
        for each in readers:
            seen = read_until(each, b"second to all")
            assert seen.count(b"first to all") == seen.count(b"second to all") == 1


def test_the_news_come_at_once(lesson):
    with lesson.stream() as stream:
        delays = [delay(lesson, stream, f"{number} at once?") for number in range(9)]

    assert statistics.median(delays) < 0.15, f"a reader should hear of a question at once, not after {delays} s"


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


def ask(lesson, text):
    assert lesson.program().post("/api/questions", json={"text": text}).status_code == 201


def texts(events):
    return [event.data["question"]["text"] for event in events]


def delay(lesson, stream, text):
    """Seconds from the answer to the one who asks until a reader hears of it."""
    lesson.program().post("/api/questions", json={"text": text})
    start = time.monotonic()
    stream.next(within=5)
    return time.monotonic() - start


def read_until(connection, text, within=20):
    """What comes over a connection, up to this text."""
    seen, end = b"", time.monotonic() + within
    while text not in seen:
        assert time.monotonic() < end, f"{text} should have come, and there was {seen!r}"
        seen += connection.recv(65536)
    return seen
