"""A board with more questions than a list shows: what is listed, what is counted, and what the page says."""

import pytest


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


def test_the_page_says_that_it_does_not_show_all(many, alice):
    assert alice.sees(f"{many} questions", within=5)
    assert alice.sees("You see 500 of them: those with the most votes")

    alice.ask("Is mine there?")
    assert alice.sees(f"{many + 1} questions") and alice.sees("You see 501 of them")
