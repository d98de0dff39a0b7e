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


def test_the_page_shows_why_the_server_refuses_it(lesson, alice):
    assert alice.sees("WebSocket")
    with lesson.table_missing("channel"):
        alice.page.evaluate("dispatchEvent(new Event('offline'))")  # as the browser says when the network goes
        assert alice.sees("no connection: Something went wrong here")
    assert alice.sees("WebSocket", within=10)


def test_without_a_socket_everything_goes_over_http(alice, bob):
    with alice.refused("*/socket.io/*"):
        alice.page.reload()
        assert alice.sees("reconnecting", within=5)
        assert alice.sees("no connection: xhr poll error"), "and why"

        alice.ask("By which way?")
        assert alice.sees("Asked. Sent over HTTP.") and bob.sees("By which way?")
        alice.click("Vote for", "By which way?")
        assert alice.sees("Voted. Sent over HTTP.")

    assert alice.sees("WebSocket", within=10), "it should go on trying"
    bob.ask("And now?")
    assert alice.sees("And now?") and alice.question("By which way?").count() == 1


@pytest.mark.long
def test_who_wakes_with_a_dead_connection_opens_another(lesson, alice):
    assert alice.sees("WebSocket", within=5)
    for process in lesson.processes:
        process.suspend()
    try:
        alice.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as the browser says on waking
        assert alice.sees("reconnecting", within=4), "the page should not call a dead connection live"
    finally:
        for process in lesson.processes:
            process.resume()
    assert alice.sees("WebSocket", within=10), "and should have a new one"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("{api}/", "{api}/ refused it and gave no reason. Perhaps it has no namespace //board."),
        ("{api}/nowhere", "The API at {api}/nowhere did not answer, or the browser hid its answer"),
    ],
    ids=["a slash too many", "another address"],
)
def test_why_there_is_no_connection_is_said_until_there_is_one(lesson, alice, address, why):
    config = f"export const API_URL = '{address.format(api=lesson.api)}';"
    alice.page.route("**/config.js", lambda route: route.fulfill(content_type="text/javascript", body=config))
    alice.page.reload()
    assert alice.sees("no connection: " + why.format(api=lesson.api), within=5)

    alice.page.unroute("**/config.js")
    alice.page.reload()
    assert alice.sees("WebSocket", within=5)
    assert alice.shows(alice.page.get_by_text("no connection"), state="hidden"), "what is over is no longer said"


def test_without_the_client_it_is_the_page_of_lesson_2(alice, bob):
    missing = {"status": 404, "headers": {"Access-Control-Allow-Origin": "*"}}
    alice.page.route("**/client/**", lambda route: route.fulfill(**missing))
    alice.page.reload()
    assert alice.sees("npm ci brings it", within=5)

    bob.ask("Do you hear me by an event stream?")
    assert alice.sees("Do you hear me by an event stream?")


@pytest.mark.long
def test_a_client_that_could_not_be_loaded_is_loaded_later(alice):
    alice.page.route("**/client/**", lambda route: route.abort())
    alice.page.reload()
    assert alice.sees("reconnecting", within=5)

    alice.page.unroute("**/client/**")
    assert alice.sees("WebSocket", within=10)


def test_an_export_goes_on_when_the_socket_breaks(alice):
    assert alice.sees("WebSocket", within=5)
    alice.page.get_by_role("button", name="Export in the background").click()
    assert alice.sees("of the questions are written")

    with alice.offline():
        assert alice.sees("offline")

    assert alice.shows(alice.page.get_by_role("link", name="Download the export"), within=15)


@pytest.mark.long
def test_who_was_away_for_long_loads_the_list_anew(lesson, alice, bob):
    alice.ask("Before")
    assert bob.sees("Before")
    with bob.offline(), lesson.another_api(EVENTS_KEPT=2) as api:
        for number in range(5):
            api.visitor().post("/api/questions", json={"text": f"While bob slept {number}"})

    assert bob.sees("While bob slept 0", within=10) and bob.sees("While bob slept 4") and bob.sees("Before")


@pytest.mark.long
def test_who_asks_while_the_page_makes_itself_known_is_one_browser(lesson, window):
    alice, held = window("about:blank"), []
    alice.page.route("**/api/browser", lambda route: held.append((route, route.fetch())))
    alice.page.goto(lesson.page)

    alice.ask("Is it mine?")
    assert not alice.sees("Asked.", within=0.5), "it should wait until the API knows this browser"
    route, answer = held[0]
    route.fulfill(response=answer)

    assert alice.shows(alice.page.get_by_role("button", name="Edit: Is it mine?"), within=5)
    alice.page.unroute("**/api/browser")
    alice.page.reload()
    assert alice.shows(alice.page.get_by_role("button", name="Edit: Is it mine?"), within=5)


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
