"""What can grow has an end: a list, though all questions are counted; how long an export stays; what guests leave."""

import contextlib
import sqlite3

import pytest

from course.processes import wait_for


@pytest.fixture
def many(lesson):
    """More questions than a list shows; gives how many."""
    visitor = lesson.visitor()
    if len(visitor.get("/api/questions").json()) < 500:
        lesson.multiply(visitor.post("/api/questions", json={"text": "One of many"}).json()["id"], 519)
    return int(visitor.get("/api/questions").headers["X-Total-Count"])


def test_the_list_shows_the_500_with_the_most_votes_and_counts_all(lesson, many):
    visitor = lesson.visitor()
    favourite = visitor.post("/api/questions", json={"text": "The newest"}).json()["id"]
    assert favourite not in [question["id"] for question in visitor.get("/api/questions").json()]

    visitor.put(f"/api/questions/{favourite}/vote")
    answer = visitor.get("/api/questions")

    assert len(answer.json()) == 500 and answer.json()[0]["id"] == favourite
    assert answer.headers["X-Total-Count"] == str(many + 1)
    assert visitor.get("/export/questions.csv").text.count("\r\n") == many + 2, "the export should hold all of them"


def test_the_page_says_that_it_does_not_show_all(lesson, many, alice):
    assert alice.sees(f"{many} questions", within=5)
    assert alice.sees("You see 500 of them: those with the most votes")

    bob = lesson.visitor()
    unseen = bob.post("/api/questions", json={"text": "Asked by bob"}).json()["id"]
    assert alice.sees(f"{many + 1} questions") and alice.sees("You see 501 of them")

    bob.put(f"/api/questions/{unseen - 2}/vote")  # one that was there before, and not on alice's list
    assert alice.sees("You see 502 of them") and alice.sees(f"{many + 1} questions"), "it was counted already"


def test_who_enters_and_who_is_at_the_desk_see_as_many(lesson, many):
    grace = lesson.person("grace")
    with lesson.socket(visitor=grace) as socket:
        acked = socket.call("enter", {"room": "lobby"})
    assert len(acked["questions"]) == 500 and acked["total"] == many

    desk = grace.get("/desk/lobby").text
    assert desk.count("<textarea") == 500
    assert f"The room has {many} questions. These are the 500 with the most votes." in desk


@pytest.mark.long
def test_an_export_is_deleted_after_a_day(lesson):
    visitor = lesson.visitor()
    old, young = jobs = started(visitor), started(visitor)
    assert all(done(visitor, job) for job in jobs)
    made_older(lesson, old, "-25 hours")
    made_older(lesson, young, "-23 hours")

    newest = started(visitor)
    assert done(visitor, newest)

    assert [visitor.get(job).status_code for job in (old, young, newest)] == [404, 200, 200]
    channel = f"job:{old.rpartition('/')[2]}"
    assert visitor.get(f"/stream?channel={channel}").status_code == 404, "its reports should be gone too"
    assert channel not in in_the_database(lesson, "SELECT channel FROM event UNION SELECT name FROM channel")


@pytest.mark.long
def test_what_guests_leave_is_limited_by_their_address(lesson):
    limits = {"GUEST_ASK_LIMIT": "2 per hour", "GUEST_EXPORT_LIMIT": "1 per hour", "GUEST_SESSION_LIMIT": "4 per hour"}
    with lesson.another_api(**limits) as api:
        asked = [api.visitor().post("/api/questions", json={"text": "Me too?"}) for _ in range(3)]
        exports = [api.visitor().post("/api/exports") for _ in range(2)]
        sessions = [api.visitor().put("/api/browser") for _ in range(2)]
        at_the_desk = api.visitor().get("/desk/login")
        ada = api.sign_in("ada")
        hers = [ada.post("/api/questions", json={"text": "And I?"}), ada.post("/api/exports")]

    assert [answer.status_code for answer in asked] == [201, 201, 429], "each is a new browser, all have one address"
    assert [answer.status_code for answer in exports] == [202, 429]
    assert [answer.status_code for answer in sessions] == [204, 429], "three were begun before"
    assert at_the_desk.status_code == 429, "the form to sign in would begin one more"
    assert [answer.status_code for answer in hers] == [201, 202], "who is signed in is no guest"


def started(visitor):
    """Where a new export is."""
    return visitor.post("/api/exports").headers["Location"]


def done(visitor, job):
    return wait_for(10, lambda: visitor.get(job).json()["done"])


def made_older(lesson, job, by):
    in_the_database(lesson, f"UPDATE job SET reported_at = datetime(reported_at, '{by}') WHERE '{job}' LIKE '%' || id")


def in_the_database(lesson, statement):
    with contextlib.closing(sqlite3.connect(lesson.database, timeout=10)) as connection, connection:
        return [value for (value,) in connection.execute(statement)]
