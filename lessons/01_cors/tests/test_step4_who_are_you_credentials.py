"""Step 4: the browser keeps a cookie for the API and sends it from the page, so that votes count once."""

import json


def test_the_page_may_send_and_get_cookies(lesson):
    answer = lesson.visitor().get("/api/questions")

    assert answer.headers.get("Access-Control-Allow-Credentials") == "true"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(lesson):
    answer = lesson.visitor().post("/api/questions", json={"text": "Who am I?"})

    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]


def test_each_browser_votes_once(lesson):
    alice, bob = lesson.visitor(), lesson.visitor()
    vote = alice.post("/api/questions", json={"text": "Does my vote count?"}).headers["Location"] + "/vote"

    assert [alice.put(vote).json()["votes"], alice.put(vote).json()["votes"]] == [1, 1], "twice is once"
    assert bob.put(vote).json()["votes"] == 2, "another browser has a vote of its own"
    assert alice.delete(vote).json()["votes"] == 1, "and a vote can be taken back"


def test_alice_may_withdraw_what_she_asked_and_bob_may_not(alice, bob):
    alice.ask("May I take this back?")
    assert alice.sees("May I take this back?"), "alice should see her question"
    assert alice.question("May I take this back?").get_by_role("button", name="Withdraw").count() == 1

    bob.refresh()
    assert bob.sees("May I take this back?"), "bob should see alice's question"
    assert bob.question("May I take this back?").get_by_role("button", name="Withdraw").count() == 0


def test_a_script_that_leaves_its_cookies_at_home_is_nobody(lesson, alice):
    alice.ask("Is this mine?")
    assert alice.sees("Is this mine?")

    known = alice.fetch(f"{lesson.api}/api/questions", credentials="include")
    unknown = alice.fetch(f"{lesson.api}/api/questions", credentials="omit")

    assert any(q["mine"] for q in json.loads(known.text)), "with its cookie, the browser should be known"
    assert not any(q["mine"] for q in json.loads(unknown.text)), "without, it should be a stranger"
