"""Step 3: a reader chooses among the channels there are, and hears of its own only."""

import pytest


@pytest.mark.parametrize(
    "channel", ["sse", "job:guess", "live-flask:bell", "__keyspace@0__:*", "*", "x" * 2000, "a\nb"]
)
def test_a_channel_that_is_not_there_is_404(lesson, channel):
    with lesson.program().stream("GET", "/stream", params={"channel": channel}) as answer:
        assert answer.status_code == 404
        answer.read()
    assert answer.json()["error"].endswith(".")


def test_without_a_channel_it_is_the_board(lesson):
    with lesson.program().stream("GET", "/stream") as answer:
        assert answer.status_code == 200


def test_an_export_is_told_to_its_own_channel_and_not_to_the_board(lesson):
    with lesson.stream() as board:
        job = lesson.visitor().post("/api/exports").json()["job"]
        with lesson.stream(channel=f"job:{job}", last_event_id=0) as own:
            assert own.next(within=5).data["job"] == job

        assert board.silent(0.2), "the board should hear nothing of it"


def test_two_exports_do_not_hear_of_each_other(lesson):
    jobs = [lesson.visitor().post("/api/exports").json()["job"] for _ in range(2)]

    for job in jobs:
        with lesson.stream(channel=f"job:{job}", last_event_id=0) as stream:
            assert {event.data["job"] for event in stream.take(11, within=10)} == {job}
