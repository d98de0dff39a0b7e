"""The page, as people use it: with the mouse, by keyboard, on a phone, and when things go wrong."""

import pytest

from course.testkit.people import Window


def test_a_question_is_asked_seen_voted_up_and_answered(alice, bob):
    alice.ask("What is a preflight?", author="Alice")
    assert alice.sees("What is a preflight?"), "alice should see her question"
    assert alice.holds("Your question", ""), "and room for the next one"

    assert bob.sees("What is a preflight?"), "and bob, without reloading"
    bob.click("Vote for", "What is a preflight?")
    assert bob.sees("Voted.")

    assert alice.shows(alice.question("What is a preflight?").get_by_text("1", exact=True)), "bob's vote should count"
    alice.click("Mark as answered", "What is a preflight?")
    assert alice.sees("Answered")


def test_a_vote_is_taken_back_by_the_same_button(alice):
    alice.ask("Twice?")
    assert alice.sees("Twice?")
    button = alice.question("Twice?").get_by_role("button", name="Vote for")

    for pressed in ("true", "false"):
        button.click()
        assert alice.becomes(button, "aria-pressed", pressed)


def test_a_question_is_reworded_in_place(alice):
    alice.ask("Wat is CORS?")
    alice.click("Edit", "Wat is CORS?")
    alice.page.get_by_label("Edit your question").fill("What is CORS?")
    alice.page.get_by_role("button", name="Save").click()

    assert alice.sees("What is CORS?") and alice.sees_no_more("Wat is CORS?")


def test_withdrawing_asks_once_more(alice):
    alice.ask("Shall I stay?")
    alice.click("Withdraw", "Shall I stay?")
    alice.page.get_by_role("button", name="Keep").click()
    assert alice.sees("Shall I stay?")

    alice.click("Withdraw", "Shall I stay?")
    alice.page.get_by_role("button", name="Yes, withdraw").click()
    assert alice.sees_no_more("Shall I stay?")


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "<script>document.title = 'taken'</script>", "&amp; \"'"]
)
def test_text_is_shown_as_text(alice, text):
    title = alice.page.title()
    alice.page.on("dialog", lambda dialog: pytest.fail("a question ran as a script"))

    alice.ask(text, author=text[:40])

    assert alice.question(text).locator(".text").inner_text() == text
    assert alice.page.title() == title and not alice.page.locator("#questions img").count()


def test_the_count_says_when_it_is_too_long_and_nothing_is_lost(alice):
    alice.ask("👋" * 281)

    assert alice.sees("281 / 280")
    assert alice.holds("Your question", "👋" * 281), "the draft should stay"
    assert not alice.question("👋👋👋").count()


def test_keyboard_alone_is_enough(alice):
    keys = alice.page.keyboard
    alice.page.get_by_label("Your question", exact=True).focus()
    keys.type("Typed, not clicked")
    keys.press("Control+Enter")
    assert alice.sees("Typed, not clicked")

    alice.question("Typed, not clicked").get_by_role("button", name="Vote for").focus()
    keys.press("Enter")
    assert alice.sees("Voted.")
    focused = alice.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == "Vote for: Typed, not clicked, 1 vote", "the focus should stay where it was"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_phone_shows_everything(window, lesson, scheme):
    lesson.visitor().post("/api/questions", json={"text": "W" * 280, "author": "M" * 40})
    phone = window(lesson.page, viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True)
    assert phone.sees("WWWW")

    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360, "nothing should stick out"


def test_nothing_is_wrong_in_the_console(alice):
    alice.ask("All quiet?")
    assert alice.sees("All quiet?")

    assert alice.console == []


def test_a_question_that_was_withdrawn_meanwhile_vanishes(alice, bob):
    alice.ask("Still here?")
    assert bob.sees("Still here?")
    alice.click("Withdraw", "Still here?")
    alice.page.get_by_role("button", name="Yes, withdraw").click()

    assert bob.sees_no_more("Still here?")


def test_an_api_that_is_gone_is_named_and_the_draft_stays(lesson, alice):
    alice.ask("Asked in good times")
    assert alice.sees("Asked in good times")

    with lesson.api_stopped():
        alice.ask("Asked in bad times")
        assert alice.sees(f"The API at {lesson.api} did not answer"), "the page should say which API is gone"
        assert alice.holds("Your question", "Asked in bad times")
        assert alice.sees("Asked in good times"), "what was there should stay"

    alice.page.get_by_role("button", name="Ask", exact=True).click()
    assert alice.shows(alice.question("Asked in bad times")), "once the API is back, the same button should work"


def test_a_second_window_knows_what_is_mine(lesson, alice):
    alice.ask("In both windows?")
    second = Window(alice.page.context.new_page(), lesson.page)
    vote = second.question("In both windows?").get_by_role("button", name="Vote for")
    assert second.shows(vote)

    alice.click("Vote for", "In both windows?")
    assert second.becomes(vote, "aria-pressed", "true")

    alice.ask("Mine, too?")
    assert second.shows(second.question("Mine, too?").get_by_role("button", name="Edit"))


@pytest.mark.long
def test_without_a_connection_it_says_since_when(lesson, alice):
    alice.ask("What was before?")
    assert alice.sees("What was before?") and alice.sees("live")

    with lesson.api_stopped():
        assert alice.sees("No connection since", within=5)
        alice.ask("And now?")
        assert alice.sees("did not answer", within=5)
    assert alice.shows(alice.page.get_by_text("No connection since"), within=10, state="hidden")
    assert alice.shows(alice.page.get_by_text("did not answer"), state="hidden"), "what is over is no longer said"


def test_while_the_list_is_on_its_way_it_says_so(lesson, alice):
    for process in lesson.processes:
        process.suspend()
    try:
        alice.page.reload()
        assert alice.sees("Loading questions …")
    finally:
        for process in lesson.processes:
            process.resume()
    assert alice.shows(alice.page.get_by_text("Loading questions …"), within=10, state="hidden")
