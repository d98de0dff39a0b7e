"""What the board promises to everybody who calls it, whatever they send."""

import csv
import io
import threading
from datetime import UTC, datetime

import pytest

IS_JSON = {"Content-Type": "application/json"}


@pytest.fixture
def anna(lesson):
    return lesson.visitor()


def ask(visitor, text="What is an origin?", **more):
    return visitor.post("/api/questions", json={"text": text, **more})


def test_a_question_is_asked_read_changed_and_withdrawn(anna):
    answer = ask(anna, "  What is an origin?  ", author="Anna")
    question, location = answer.json(), answer.headers["Location"]

    assert answer.status_code == 201 and location == f"/api/questions/{question['id']}"
    assert abs((datetime.now(UTC) - datetime.fromisoformat(question.pop("asked_at"))).total_seconds()) < 60
    assert not question.pop("signed_in", False), "Anna is a guest; from lesson 4 on, a question says so"
    assert question.pop("id") and question == {
        "text": "What is an origin?",
        "author": "Anna",
        "votes": 0,
        "answered": False,
        "mine": True,
        "voted": False,
    }
    assert anna.patch(location, json={"text": "What is a site?"}).json()["text"] == "What is a site?"
    assert anna.patch(location, json={"answered": True}).json()["answered"] is True
    assert anna.get(location).json()["text"] == "What is a site?"
    assert anna.delete(location).status_code == 204
    assert anna.get(location).status_code == anna.delete(location).status_code == 404


def test_most_votes_come_first_then_the_oldest(lesson, anna):
    older, newer, favourite = (ask(anna, text).json()["id"] for text in ("older", "newer", "favourite"))
    lesson.visitor().put(f"/api/questions/{favourite}/vote")

    answer = anna.get("/api/questions")
    order = [question["id"] for question in answer.json()]

    assert order.index(favourite) < order.index(older) < order.index(newer)
    assert int(answer.headers["X-Total-Count"]) == len(order)


def test_a_number_is_never_given_twice(anna):
    withdrawn = ask(anna).json()["id"]
    anna.delete(f"/api/questions/{withdrawn}")

    assert ask(anna).json()["id"] > withdrawn


@pytest.mark.parametrize(
    ("sent", "status", "why"),
    [
        ({}, 415, "Send JSON"),
        ({"data": {"text": "a form"}}, 415, "Send JSON"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "not valid JSON"),
        ({"content": b"", "headers": {"Content-Type": "application/json"}}, 400, "not valid JSON"),
        ({"content": b"[" * 16000, "headers": {"Content-Type": "application/json"}}, 400, "JSON object"),
        ({"json": ["a list"]}, 400, "JSON object"),
        ({"json": None, "headers": {"Content-Type": "application/json"}}, 400, "not valid JSON"),
        ({"json": {}}, 400, "must be a text"),
        ({"json": {"text": 42}}, 400, "must be a text"),
        ({"json": {"text": None}}, 400, "must be a text"),
        ({"json": {"text": "   "}}, 400, "1 to 280"),
        ({"json": {"text": "x" * 281}}, 400, "this one has 281"),
        ({"json": {"text": "x", "author": "y" * 41}}, 400, "0 to 40"),
        ({"json": {"text": "x", "author": ["y"]}}, 400, "must be a text"),
        ({"json": {"text": "x", "author": "gra\u200bce"}}, 400, "cannot be seen"),
        ({"json": {"text": "x", "author": "\u202eecarg"}}, 400, "cannot be seen"),
        ({"content": b'{"text": "\\ud800"}', "headers": {"Content-Type": "application/json"}}, 400, "half a character"),
        ({"json": {"text": "a\0b"}}, 400, "zero byte"),
        ({"json": {"text": "x" * 20_000}}, 413, "16 KiB"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else str(value),
)
def test_what_cannot_stand_on_the_board_is_refused_in_one_sentence(anna, sent, status, why):
    answer = anna.post("/api/questions", **sent)

    assert answer.status_code == status
    assert why in answer.json()["error"] and answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    "text", ["x" * 280, "ß", "日本語?", "👩‍🏫" * 56, "two\nlines", "<b>not bold</b>", "'; DROP TABLE question"]
)
def test_what_people_write_comes_back_as_they_wrote_it(anna, text):
    assert ask(anna, text).json()["text"] == text


def test_a_body_that_arrives_in_pieces_is_read(anna):
    answer = anna.post("/api/questions", headers=IS_JSON, content=iter([b'{"text": "In ', b'pieces"}']))

    assert answer.status_code == 201, answer.text
    assert answer.json()["text"] == "In pieces"


def test_a_body_that_arrives_in_pieces_is_measured_too(anna):
    pieces = [b'{"text": "', *[b"x" * 1024] * 32, b'"}']

    answer = anna.post("/api/questions", headers=IS_JSON, content=iter(pieces))

    assert answer.status_code == 413, "the server should read no further than 16 KiB"


@pytest.mark.parametrize(
    "change", [{}, {"text": ""}, {"text": "x" * 281}, {"text": 1}, {"answered": "yes"}, {"answered": 1}, {"votes": 99}]
)
def test_a_change_that_makes_no_sense_changes_nothing(anna, change):
    location = ask(anna, "as it was").headers["Location"]

    assert anna.patch(location, json=change).status_code == 400
    assert anna.get(location).json()["text"] == "as it was"


@pytest.mark.parametrize("id", ["0", "999999999", str(2**31), str(2**63), "9" * 100])
def test_a_question_that_is_not_there_is_404_by_every_way(anna, id):
    where = f"/api/questions/{id}"
    answers = [
        anna.get(where),
        anna.patch(where, json={"answered": True}),
        anna.delete(where),
        anna.put(f"{where}/vote"),
        anna.delete(f"{where}/vote"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert all("no such question" in answer.json()["error"] for answer in answers)


@pytest.mark.parametrize("path", ["/nothing", "/api/questions/", "/api/questions/-1", "/api/questions/one", "/api"])
def test_an_address_that_is_not_there_says_so(anna, path):
    answer = anna.get(path)

    assert answer.status_code == 404 and answer.json() == {"error": "There is nothing at this address."}


def test_a_wrong_method_says_which_are_right(anna):
    answer = anna.put("/api/questions")

    assert answer.status_code == 405 and "POST" in answer.headers["Allow"] and answer.json()["error"]


@pytest.mark.parametrize("cookie", ["forged", "eyJicm93c2VyIjoiYWxpY2UifQ.aQAAAA.c2lnbmVkLWJ5LW5vYm9keQ", ""])
def test_a_cookie_that_we_did_not_sign_opens_nothing(lesson, anna, cookie):
    location = ask(anna).headers["Location"]
    name = next(iter(anna.cookies))
    forger = lesson.visitor(cookies={name: cookie})

    assert forger.get(location).json()["mine"] is False
    assert forger.patch(location, json={"text": "taken over"}).status_code == 403
    assert ask(forger).status_code == 201, "a forged cookie is no cookie: its browser is simply a new one"


def test_the_export_holds_every_question(anna):
    ask(anna, 'Commas, "quotes"\nand lines')

    answer = anna.get("/export/questions.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert "attachment" in answer.headers["Content-Disposition"]
    assert len(rows) == len(anna.get("/api/questions").json())
    assert 'Commas, "quotes"\nand lines' in [row["text"] for row in rows]


def test_reading_leaves_no_cookie(lesson):
    reader = lesson.visitor()
    reader.get("/api/questions"), reader.get("/widget/top"), reader.get("/export/questions.csv")

    assert not reader.cookies


def together(*calls):
    """What the calls return, all made at the same time."""
    results = [None] * len(calls)

    def make(number, call):
        results[number] = call()

    threads = [threading.Thread(target=make, args=pair) for pair in enumerate(calls)]
    [thread.start() for thread in threads]
    [thread.join(20) for thread in threads]
    return results


def test_many_votes_at_the_same_moment_are_all_counted_once(lesson, anna):
    vote = ask(anna).headers["Location"] + "/vote"
    crowd = [lesson.visitor(timeout=20) for _ in range(10)]
    for visitor in crowd:
        ask(visitor, "I am here")  # so that each has its cookie

    answers = together(*[lambda v=visitor: v.put(vote).status_code for visitor in crowd * 3])

    assert answers == [200] * 30
    assert anna.get("/api/questions").json()[0]["votes"] == 10


@pytest.mark.parametrize("attempt", range(10))
def test_a_vote_a_change_and_a_withdrawal_at_the_same_moment_break_nothing(lesson, anna, attempt):
    voter = lesson.visitor()
    location = ask(anna).headers["Location"]

    statuses = together(
        lambda: voter.put(f"{location}/vote").status_code,
        lambda: anna.patch(location, json={"answered": True}).status_code,
        lambda: anna.delete(location).status_code,
    )

    assert set(statuses) <= {200, 204, 404}
    assert anna.get(location).status_code == 404
