"""Step 5: an export that fails says so, and one that is lost with its server is reported by the next."""

import contextlib
import sqlite3

from course.processes import wait_for
from course.served import kill


def test_an_export_that_fails_says_so(lesson):
    visitor = lesson.visitor()
    with table_missing(lesson.database, "question"):
        where = visitor.post("/api/exports").headers["Location"]
        state = wait_for(5, lambda: visitor.get(where).json()["done"] and visitor.get(where).json())

    assert state, "it should not stand still for ever"
    assert state["url"] is None
    assert state["error"].startswith("The export failed")


def test_an_export_that_is_done_can_be_fetched_from_the_next_server(lesson):
    with lesson.another_api(EXPORT_SECONDS=0) as api:
        visitor = api.visitor()
        where = visitor.post("/api/exports").headers["Location"]
        state = wait_for(5, lambda: visitor.get(where).json()["url"] and visitor.get(where).json())
        kill(api.served.api)
    with lesson.another_api() as after:
        visitor = after.visitor()
        assert visitor.get(where).json() == state, "the job should be known to the next server"
        assert visitor.get(state["url"]).text.startswith("id,text,author")


def test_an_export_that_was_lost_with_its_server_is_reported_as_failed(lesson):
    with lesson.another_api(EXPORT_SECONDS=60) as api:
        where = api.visitor().post("/api/exports").headers["Location"]
        kill(api.served.api)
    with lesson.another_api() as after:
        visitor = after.visitor()
        state = wait_for(15, lambda: visitor.get(where).json().get("done") and visitor.get(where).json())

    assert state, "it should not hang for ever"
    assert state["url"] is None
    assert "start it again" in state["error"]


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
