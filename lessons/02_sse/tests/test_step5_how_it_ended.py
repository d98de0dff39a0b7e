"""Step 5: an export that fails says so, and one that is lost with its server is reported by the next."""

from course.processes import wait_for
from course.served import kill


def test_an_export_that_fails_says_so(lesson):
    visitor = lesson.visitor()
    with lesson.table_missing("question"):
        where = visitor.post("/api/exports").headers["Location"]
        state = wait_for(5, lambda: visitor.get(where).json()["done"] and visitor.get(where).json())

    assert state, "the test has removed a table: within 5 s, the export should be done, with an error"
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

    assert state, "the test has killed the first server: within 15 s, the next one should report the export as failed"
    assert state["url"] is None
    assert "start it again" in state["error"]
