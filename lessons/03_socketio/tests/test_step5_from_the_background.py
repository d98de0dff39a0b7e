"""Step 5: the server speaks without being asked, from tasks in the background that run once."""

import subprocess
import sys
import time

from course.testkit.sockets import first_way

BY_ANOTHER_PROCESS = """
import importlib, sys
lesson = importlib.import_module(sys.argv[1])
with lesson.create_app().app_context():
    lesson.board.ask("a script", sys.argv[2])
"""


def ask_by_another_process(lesson, text):
    command = [sys.executable, "-c", BY_ANOTHER_PROCESS, lesson.lesson.package, text]
    subprocess.run(command, cwd=lesson.lesson.home, env={**lesson.environ, "FLASK_ASYNC_MODE": "threading"}, check=True)


def test_the_tasks_run_once_however_many_come(lesson):
    sockets = [lesson.socket() for _ in range(5)]
    anna = sockets[0]
    anna.take(2, "pulse", within=5)
    lesson.visitor().post("/api/questions", json={"text": "How often do you hear this?"})
    anna.next("question_asked")

    assert anna.silent("question_asked"), "each change should be told once"
    start = time.monotonic()
    anna.take(3, "pulse", within=10)
    assert time.monotonic() - start > 1, "there should be one pulse every PULSE_SECONDS, not one for each client"
    for socket in sockets:
        socket.leave()


@first_way
def test_the_progress_of_an_export_goes_to_who_started_it(lesson, client, transport):
    lesson.visitor().post("/api/questions", json={"text": "Am I in the export?"})
    with lesson.socket("/jobs", client=client, transport=transport) as anna, lesson.socket("/jobs") as ben:
        job = anna.call("start_export", namespace="/jobs")["job"]
        progress = anna.take(10, "job_progress", within=10)
        done = anna.next("job_done").data

        assert [event.data["percent"] for event in progress] == list(range(10, 101, 10))
        assert {event.data["job"] for event in progress} == {done["job"]} == {job}
        assert "Am I in the export?" in lesson.program().get(done["url"]).text
        assert not ben.heard, "nobody else should hear of it"


@first_way
def test_a_change_by_another_process_is_heard_too(lesson, client, transport):
    with lesson.socket(client=client, transport=transport) as anna:
        ask_by_another_process(lesson, f"From a script, by {transport}")

        assert anna.next("question_asked", within=5).data["question"]["text"] == f"From a script, by {transport}"


def test_a_page_shows_what_another_process_did(lesson, alice):
    assert alice.sees("WebSocket", within=5)
    ask_by_another_process(lesson, "Not by HTTP, not by a socket")

    assert alice.sees("Not by HTTP, not by a socket", within=5)


def test_the_page_shows_the_progress_by_socket(lesson, alice):
    assert alice.sees("WebSocket", within=5)
    alice.page.get_by_role("button", name="Export in the background").click()

    assert alice.shows(alice.page.get_by_role("link", name="Download the export"), within=10)
    assert not lesson.requests("POST", "/api/exports", within=0), "it should not have gone over HTTP"
