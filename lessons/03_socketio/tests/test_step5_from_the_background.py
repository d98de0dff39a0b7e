"""Step 5: a task in the background sends to the client that started it, without being asked."""

from course.testkit.sockets import first_way


@first_way
def test_the_progress_of_an_export_goes_to_who_started_it(lesson, client, transport):
    lesson.visitor().post("/api/questions", json={"text": "Am I in the export?"})
    with lesson.socket("/jobs", client=client, transport=transport) as anna, lesson.socket("/jobs") as ben:
        job = anna.call("start_export", namespace="/jobs")["job"]
        progress = [anna.next("job_progress"), *anna.take(9, "job_progress", within=10)]
        done = anna.next("job_done").data

        assert [event.data["percent"] for event in progress] == list(range(10, 101, 10))
        assert {event.data["job"] for event in progress} == {done["job"]} == {job}
        assert "Am I in the export?" in lesson.program().get(done["url"]).text
        assert not ben.heard, "nobody else should hear of it"


def test_the_page_shows_the_progress_by_socket(lesson, alice):
    assert alice.sees("WebSocket", within=5)
    alice.page.get_by_role("button", name="Export in the background").click()

    assert alice.shows(alice.page.get_by_role("link", name="Download the export"), within=10)
    assert not lesson.requests("POST", "/api/exports", within=0), "it should not have gone over HTTP"
