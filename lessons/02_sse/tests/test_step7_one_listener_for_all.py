"""Step 7: however many read, one listener reads the log for all of them, and all hear of it at the same moment."""

import contextlib
import socket
import time
from threading import Event, Thread

READERS = 10
TURN = 0.5  # seconds over which they come, one after the other


def test_all_readers_hear_of_a_question_at_the_same_moment(lesson):
    with contextlib.ExitStack() as stack:
        streams = []
        for _ in range(READERS):
            streams.append(stack.enter_context(lesson.stream()))
            Event().wait(TURN / READERS)
        best = min(spread(lesson, streams, text) for text in ("first", "second", "third"))

    assert best < 0.2, f"the first and the last of {READERS} readers should not be {best:.2f} s apart"


def test_all_readers_see_the_same_once(lesson):
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(lesson.stream()) for _ in range(50)]
        for text in ("first to all", "second to all"):
            lesson.program().post("/api/questions", json={"text": text})

        for stream in streams:
            found = [event.data["question"]["text"] for event in stream.take(2, within=10)]
            assert found == ["first to all", "second to all"]


def test_a_reader_that_does_not_read_holds_nobody_up(lesson):
    host, port = "localhost", int(lesson.api.rpartition(":")[2])
    with socket.create_connection((host, port)) as asleep, lesson.stream() as awake:
        asleep.sendall(f"GET /stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        visitor = lesson.visitor()
        for number in range(50):
            visitor.post("/api/questions", json={"text": f"{number} " + "x" * 270})

        assert len(awake.take(50, within=5)) == 50


def spread(lesson, streams, text):
    """Seconds between the first reader that hears of a question and the last."""
    moments = []

    def wait(stream):
        stream.next(within=5)
        moments.append(time.monotonic())

    threads = [Thread(target=wait, args=[stream], daemon=True) for stream in streams]
    for thread in threads:
        thread.start()
    lesson.program().post("/api/questions", json={"text": text})
    for thread in threads:
        thread.join()
    assert len(moments) == len(streams), "each should hear of it"
    return max(moments) - min(moments)
