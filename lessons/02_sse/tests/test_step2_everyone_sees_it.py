"""Step 2: what one does, all pages show, without reloading."""

import contextlib


def test_each_kind_of_event_has_its_name(lesson):
    visitor = lesson.visitor()
    with contextlib.ExitStack() as stack:
        with lesson.asking():
            stream = stack.enter_context(lesson.stream())
        answer = visitor.post("/api/questions", json={"text": "What is it called?"})
        where, id = answer.headers["Location"], answer.json()["id"]
        visitor.put(f"{where}/vote")
        visitor.delete(where)
        found = []
        while not found or found[-1].type != "question_withdrawn":
            event = stream.next(within=2)
            if id in (event.data.get("id"), event.data.get("question", {}).get("id")):
                found.append(event)

    asked, changed, withdrawn = found
    assert [asked.type, changed.type, withdrawn.type] == ["question_asked", "question_changed", "question_withdrawn"]
    assert asked.data["question"]["text"] == "What is it called?"
    assert changed.data["question"]["votes"] == 1
    assert "mine" not in changed.data["question"], "everybody gets the same text"
    assert withdrawn.data["id"] == id


def test_a_question_asked_in_one_window_appears_in_the_other(lesson, alice, bob):
    wait_until_live(lesson, alice, bob)
    alice.ask("What is an event stream?")

    assert bob.sees("What is an event stream?"), "bob's page should show alice's question without reloading"


def test_votes_changes_and_withdrawals_appear_too(lesson, alice, bob):
    wait_until_live(lesson, alice, bob)
    alice.ask("Does everything arrive?")
    assert bob.sees("Does everything arrive?")

    bob.click("Vote for", "Does everything arrive?")
    assert alice.shows(alice.question("Does everything arrive?").get_by_text("1", exact=True)), (
        "alice should see his vote"
    )

    alice.click("Mark as answered", "Does everything arrive?")
    assert bob.shows(bob.question("Does everything arrive?").get_by_text("Answered", exact=True)), (
        "bob should see the answer"
    )

    alice.click("Withdraw", "Does everything arrive?")
    alice.page.get_by_role("button", name="Yes, withdraw").click()
    assert bob.sees_no_more("Does everything arrive?"), "bob's page should drop it"


def wait_until_live(lesson, *people):
    """With Flask-SSE as it comes, a page is live as soon as something has happened."""
    with lesson.asking():
        for person in people:
            assert person.shows(person.page.get_by_text("live", exact=True), within=5), "the page should be live"
