"""Step 7: however many read, the process listens to Redis once."""

import contextlib
import socket
import time

import redis

from course.processes import wait_for

READERS = 200


def test_two_hundred_readers_share_one_subscription_and_all_see_the_same(lesson):
    host, port = "localhost", int(lesson.api.rpartition(":")[2])
    with contextlib.ExitStack() as sockets, redis.Redis.from_url(lesson.env["FLASK_REDIS_URL"]) as bell:

        def reader():
            connection = sockets.enter_context(socket.create_connection((host, port), timeout=20))
            connection.sendall(f"GET /stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            return connection

        readers = [reader()]
        read_until(readers[0], b"retry")
        assert wait_for(2, lambda: bell.client_list(_type="pubsub")), "for a reader, the process should listen to Redis"
        readers += [reader() for _ in range(READERS - 1)]
        for each in readers[1:]:
            read_until(each, b"retry")

        subscriptions = len(bell.client_list(_type="pubsub"))
        most = 2 * len(lesson.processes)  # from lesson 5 on, each process has one more, for its message queue
        assert 0 < subscriptions <= most, "one subscription should serve all readers"

        for text in ("first to all", "second to all"):
            lesson.program().post("/api/questions", json={"text": text})
        for each in readers:
            seen = read_until(each, b"second to all")
            assert seen.count(b"first to all") == seen.count(b"second to all") == 1


def test_a_reader_that_does_not_read_holds_nobody_up(lesson):
    host, port = "localhost", int(lesson.api.rpartition(":")[2])
    with socket.create_connection((host, port)) as asleep, lesson.stream() as awake:
        asleep.sendall(f"GET /stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        visitor = lesson.visitor()
        for number in range(50):
            visitor.post("/api/questions", json={"text": f"{number} " + "x" * 270})

        assert len(awake.take(50, within=5)) == 50


def read_until(connection, text, within=20):
    """What comes over a connection, up to this text."""
    seen, end = b"", time.monotonic() + within
    while text not in seen:
        assert time.monotonic() < end, f"{text} should have come, and there was {seen!r}"
        seen += connection.recv(65536)
    return seen
