"""Step 4: an export runs in the background and says how far it is, on a channel of its own."""

import pytest


def reports(stream, within=5):
    """What a job reports, up to its end."""
    found = [stream.next(within)]
    while found[-1].type != "job_done":
        found.append(stream.next(within))
    return found


def test_the_export_is_accepted_reported_and_fetched(lesson):
    visitor = lesson.visitor()
    visitor.post("/api/questions", json={"text": "Am I in the export?"})
    answer = visitor.post("/api/exports")
    assert answer.status_code == 202
    where, job = answer.headers["Location"], answer.json()["job"]
    with lesson.stream(channel=f"job:{job}", last_event_id=0) as stream:
        assert visitor.get(where).json()["done"] is False
        *progress, done = reports(stream)

    percents = [event.data["percent"] for event in progress]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert {event.type for event in progress} == {"job_progress"}
    assert progress[0].data["note"]
    assert "Am I in the export?" in visitor.get(done.data["url"]).text
    assert visitor.get(where).json() == {"job": job, "percent": 100, "done": True, "url": done.data["url"]}


def test_the_page_shows_a_bar_and_then_the_file(lesson, alice):
    with lesson.asking():
        assert alice.shows(alice.page.get_by_text("live", exact=True), within=5)
    alice.page.get_by_role("button", name="Export in the background").click()

    assert alice.shows(alice.page.get_by_role("progressbar", name="Export"))
    assert alice.shows(alice.page.get_by_role("link", name="Download the export"), within=10)


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
            assert stream.next(within=5).data["job"] == job


@pytest.mark.parametrize("path", ["/api/exports/nothing", "/api/exports/nothing/questions.csv"])
def test_an_export_that_never_was_is_404(lesson, path):
    assert lesson.program().get(path).status_code == 404
