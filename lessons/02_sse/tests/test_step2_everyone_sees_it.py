"""Step 2: what one does, all pages show, without reloading."""


def test_each_kind_of_event_has_its_name(lesson):
    visitor = lesson.visitor()
    with lesson.stream() as stream:
        where = visitor.post("/api/questions", json={"text": "What is it called?"}).headers["Location"]
        visitor.put(f"{where}/vote")
        visitor.delete(where)
        asked, changed, withdrawn = stream.take(3, within=2)

    assert [asked.type, changed.type, withdrawn.type] == ["question_asked", "question_changed", "question_withdrawn"]
    assert changed.data["question"]["votes"] == 1
    assert "mine" not in changed.data["question"]
    assert withdrawn.data == {"seq": int(withdrawn.id), "id": asked.data["question"]["id"]}


def test_a_question_asked_in_one_window_appears_in_the_other(alice, bob):
    alice.ask("What is an event stream?")

    assert bob.sees("What is an event stream?"), "bob's page should show alice's question without reloading"


def test_votes_changes_and_withdrawals_appear_too(alice, bob):
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


def test_what_changes_nothing_is_no_event(lesson):
    visitor = lesson.visitor()
    where = visitor.post("/api/questions", json={"text": "Once is enough"}).headers["Location"]
    visitor.put(f"{where}/vote")
    with lesson.stream() as stream:
        visitor.put(f"{where}/vote")
        visitor.patch(where, json={"text": ""})

        assert stream.silent(0.5)
