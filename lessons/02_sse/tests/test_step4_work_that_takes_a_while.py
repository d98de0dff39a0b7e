"""Step 4: an export runs in the background and says how far it is, and how it ended."""

import contextlib
import sqlite3

import pytest

from course.processes import wait_for
from course.served import kill


def test_the_export_is_accepted_reported_and_fetched(lesson):
    visitor = lesson.visitor()
    visitor.post("/api/questions", json={"text": "Am I in the export?"})
    answer = visitor.post("/api/exports")
    where, job = answer.headers["Location"], answer.json()["job"]
    assert answer.status_code == 202
    assert visitor.get(where).json()["done"] is False

    with lesson.stream(channel=f"job:{job}", last_event_id=0) as stream:
        *progress, done = stream.take(11, within=10)

    assert [event.data["percent"] for event in progress] == list(range(10, 101, 10))
    assert done.type == "job_done"
    assert "Am I in the export?" in visitor.get(done.data["url"]).text
    assert visitor.get(where).json() == {"job": job, "percent": 100, "done": True, "url": done.data["url"]}


def test_the_page_shows_a_bar_and_then_the_file(alice):
    alice.page.get_by_role("button", name="Export in the background").click()

    assert alice.shows(alice.page.get_by_role("progressbar", name="Export"))
    assert alice.shows(alice.page.get_by_role("link", name="Download the export"), within=10)


def test_an_export_that_fails_says_so(lesson):
    with table_missing(lesson.database, "question"):
        job = lesson.visitor().post("/api/exports").json()["job"]
        with lesson.stream(channel=f"job:{job}", last_event_id=0) as stream:
            done = stream.next(within=5)

    assert done.type == "job_done"
    assert done.data["url"] is None
    assert done.data["error"].startswith("The export failed")


def test_an_export_that_was_lost_with_its_server_is_reported_as_failed(lesson):
    with lesson.another_api(EXPORT_SECONDS=60) as api:
        where = api.visitor().post("/api/exports").headers["Location"]
        kill(api.served.api)
    with lesson.another_api() as after:
        visitor = after.visitor()
        state = wait_for(15, lambda: visitor.get(where).json()["done"] and visitor.get(where).json())

    assert state, "it should not hang for ever"
    assert state["url"] is None
    assert "start it again" in state["error"]


@pytest.mark.parametrize("path", ["/api/exports/nothing", "/api/exports/nothing/questions.csv"])
def test_an_export_that_never_was_is_404(lesson, path):
    assert lesson.program().get(path).status_code == 404


@contextlib.contextmanager
def table_missing(database, table):
    """For the time of the block the database lacks a table."""
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection:
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute(f"ALTER TABLE {table} RENAME TO hidden")
        connection.commit()
        try:
            yield
        finally:
            connection.execute(f"ALTER TABLE hidden RENAME TO {table}")
            connection.commit()
