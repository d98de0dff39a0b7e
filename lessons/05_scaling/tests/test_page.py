"""The page, as people use it: with the mouse, by keyboard, on a phone, and when things go wrong."""

import pytest

from course.processes import wait_for
from course.testkit.desk import ask
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


def test_a_link_to_a_room_leads_there_once_you_have_signed_in(lesson, window):
    ada = window(f"{lesson.page}#physics")
    assert ada.sees("Sign in first"), "the page should say why it shows the lobby"

    ada.sign_in("ada")

    assert ada.shows(ada.page.get_by_role("heading", name="physics", exact=True))


def test_a_teacher_opens_a_room_a_learner_joins_is_removed_and_the_room_is_closed(lesson, window):
    grace, ben = window(lesson.page), window(lesson.page)
    for person, name, button in ((grace, "grace", "Open a new room"), (ben, "ben", "Join")):
        person.sign_in(name)
        person.opens("Another room")
        person.page.get_by_label("Its name").fill("chess")
        person.page.get_by_label("Its code").fill("rook")
        person.page.get_by_role("button", name=button, exact=True).click()
        assert person.shows(person.page.get_by_role("heading", name="chess", exact=True))
    assert not ben.page.get_by_role("button", name="Close this room").is_visible()

    for _ in range(2):  # the second press says that it is meant
        grace.page.get_by_role("button", name="Remove ben").click()
    assert ben.sees("You were removed from chess", within=5)
    assert ben.shows(ben.page.get_by_role("link", name="chess"), state="hidden")

    grace.opens("Settings")
    for _ in range(2):
        grace.page.locator("#close").click()
    assert grace.shows(grace.page.get_by_role("heading", name="chess", exact=True), within=5, state="hidden")
    assert grace.shows(grace.page.get_by_role("link", name="chess"), within=5, state="hidden")


def test_a_room_by_keyboard_on_a_narrow_phone(lesson, window):
    phone = window(f"{lesson.page}#physics", viewport={"width": 360, "height": 740}, has_touch=True)
    keys = phone.page.keyboard
    phone.page.get_by_label("Name", exact=True).focus()
    for text in ("grace", "Tab", "live-flask", "Enter"):
        keys.press(text) if text in {"Tab", "Enter"} else keys.type(text)
    assert phone.shows(phone.page.get_by_role("heading", name="physics", exact=True))

    with lesson.socket(visitor=lesson.person("ada"), auth={"room": "physics"}) as socket:
        whispers = phone.page.locator("summary").filter(has_text="Whispers")
        assert phone.shows(whispers)
        whispers.press("Enter")
        assert phone.shows(phone.page.get_by_label("Your whisper"))
        phone.page.get_by_label("Your whisper").focus()
        keys.type("W" * 280)
        keys.press("Enter")
        assert socket.next("whisper").data["text"] == "W" * 280
        assert phone.sees("WWWW") and phone.holds("Your whisper", "")

    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360, "nothing should stick out"


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


@pytest.mark.long
def test_who_asks_while_the_page_signs_in_asks_once_and_signed_in(lesson, alice):
    held = []
    alice.page.route("**/api/login", lambda route: held.append(route))
    alice.sign_in("ada")
    alice.ask("Who asks this?")
    assert not alice.sees("Asked.", within=0.5), "it should wait until it is known who asks"
    held[0].continue_()

    assert alice.sees("Signed in as ada")
    assert alice.shows(alice.question("Who asks this?").get_by_text("ada"), within=5)
    found = [each for each in lesson.visitor().get("/api/questions").json() if each["text"] == "Who asks this?"]
    assert [each["author"] for each in found] == ["ada"]


@pytest.mark.long
def test_who_signs_in_while_the_page_asks_who_this_is_is_signed_in_and_in_her_room(lesson, window):
    grace, held = window("about:blank"), []

    def hold(route):
        held.append((route, route.fetch()))
        if len(held) != 2:  # the second comes when the room has refused this guest
            route.fulfill(response=held[-1][1])

    grace.page.route("**/api/me", hold)
    grace.page.goto(f"{lesson.page}#physics")
    assert wait_for(5, lambda: not grace.sees("Signed in as", within=0.1) and len(held) > 1)
    grace.sign_in("grace")
    assert not grace.sees("Signed in as", within=0.5), "it should wait until it is known who this was before"
    route, guest = held[1]
    route.fulfill(response=guest)

    assert grace.sees("Signed in as grace", within=5)
    assert grace.shows(grace.page.get_by_role("heading", name="physics", exact=True), within=5)
    assert not grace.page.get_by_label("Password").is_visible()


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


def test_the_newest_whisper_is_in_sight_unless_one_reads_above(lesson, window):
    grace = window(f"{lesson.page}#physics", viewport={"width": 390, "height": 800})
    grace.sign_in("grace")
    with lesson.socket(visitor=lesson.person("ada"), auth={"room": "physics"}) as ada:
        assert grace.sees("Whispers"), "ada should be here"
        for number in range(1, 9):
            ada.call("whisper", {"to": "grace", "text": f"Whisper {number}"})

        log = grace.page.get_by_role("log", name="Whispers")
        items = log.get_by_role("listitem")
        assert grace.sees("8 new"), "grace should know of them"
        assert not log.is_visible(), "and a class that looks at her page should not read them"
        grace.opens("Whispers")
        assert grace.shows(grace.page.get_by_text("8 new"), state="hidden")
        assert grace.shows(items.nth(7))
        assert is_in_sight(items.nth(7), log), "the newest should be in sight"

        log.evaluate("log => { log.scrollTop = 0 }")
        ada.call("whisper", {"to": "grace", "text": "Whisper 9"})
        assert grace.shows(items.nth(8))
        assert is_in_sight(items.first, log), "who reads the first should go on reading"

    grace.page.get_by_role("link", name="lobby").click()
    grace.page.get_by_role("link", name="physics").click()
    assert grace.shows(items.nth(8))
    assert wait_for(2, lambda: is_in_sight(items.nth(8), log)), "who comes back should see the newest"


def is_in_sight(item, log):
    """Whether an item is inside the part of the log that is shown."""
    inner, outer = item.bounding_box(), log.bounding_box()
    return outer["y"] <= inner["y"] and inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 1


def test_a_draft_stays_in_its_room_when_its_writer_is_removed(lesson, window):
    grace, ben = lesson.person("grace"), lesson.person("ben")
    lesson.join(ben)
    page = window(f"{lesson.page}#physics")
    page.sign_in("ben")
    assert page.shows(page.page.get_by_role("listitem").filter(has_text="ben (you)")), "ben should be in the room"
    page.page.get_by_label("Your question", exact=True).fill("Only for physics")

    grace.delete("/api/rooms/physics/members/ben")
    assert page.sees("You were removed from physics", within=5), "the page should say why it shows the lobby"
    assert page.holds("Your question", ""), "what was written in physics should not come along"
    assert page.sees("0 / 280")
    assert page.becomes(page.page.locator(":focus"), "id", "title"), "and the next key should go to no composer"

    lesson.join(ben)
    page.page.evaluate("location.hash = 'physics'")  # as a link does
    assert page.holds("Your question", "Only for physics"), "who comes back should find it"
    page.page.get_by_role("button", name="Ask", exact=True).click()
    assert page.shows(page.question("Only for physics")) and page.holds("Your question", "")
    grace.delete("/api/rooms/physics/members/ben")


def test_the_focus_is_never_lost_on_the_way_into_a_room_and_out(lesson, window):
    grace = window(lesson.page)
    focused = grace.page.locator(":focus")
    grace.sign_in("grace")
    assert grace.shows(grace.page.get_by_text("grace", exact=True).and_(focused)), (
        "who has signed in should stand on the own name"
    )

    grace.page.get_by_role("link", name="physics").press("Enter")
    assert grace.becomes(focused, "id", "room-name"), "who goes to a room should stand on its heading"

    grace.page.get_by_role("button", name="Sign out").press("Enter")
    assert grace.becomes(focused, "id", "title"), "who has signed out should stand on the lobby's"


def test_controls_stay_what_they_are_when_somebody_comes_or_goes(lesson, window):
    ben = lesson.person("ben")
    lesson.join(ben)
    grace = window(f"{lesson.page}#physics")
    grace.sign_in("grace")
    with lesson.socket(visitor=lesson.person("ada"), auth={"room": "physics"}):
        grace.page.get_by_role("button", name="Remove ada", exact=True).press("Enter")
        sure = grace.page.get_by_role("button", name="Really remove ada?", exact=True)
        assert grace.shows(sure), "the button should be called what it says"

        with lesson.socket(visitor=ben, auth={"room": "physics"}):
            assert grace.shows(grace.page.get_by_role("button", name="Remove ben"))
            assert grace.shows(sure.and_(grace.page.locator(":focus"))), "ben's coming should change nothing for ada"
            grace.opens("Whispers")
            grace.page.get_by_label("Whisper to").select_option("ben")
            grace.page.get_by_label("Your whisper").fill("For ben's ears")
            grace.page.get_by_role("button", name="Remove ben").focus()

        assert grace.shows(grace.page.get_by_role("button", name="Remove ben"), state="hidden")
        assert grace.becomes(grace.page.locator(":focus"), "id", "room-name"), "not lost with the button"
        assert grace.holds("Whisper to", "ben"), "what was written for ben should not go to ada"
    ben.delete("/api/rooms/physics/members/ben")


def test_the_sign_in_form_is_shown_when_it_is_known_that_one_needs_it(lesson, window):
    ada = window(lesson.page)
    ada.sign_in("ada")
    assert ada.sees("Signed in as ada")

    with ada.refused("*/api/me"):
        ada.page.reload()
        assert ada.sees("WebSocket", within=5), "the page should be there"
        assert not ada.page.get_by_label("Password").is_visible(), "without a form as long as nobody knows who ada is"

    ada.page.reload()
    assert ada.sees("Signed in as ada")


def test_a_phone_corrects_no_name_and_no_code(alice):
    for label in ("Name", "Its name", "Its code"):
        field = alice.page.get_by_label(label, exact=True)
        for attribute, value in (("autocapitalize", "none"), ("autocorrect", "off"), ("spellcheck", "false")):
            assert field.get_attribute(attribute) == value, f"{attribute} of {label}"


@pytest.fixture
def desk(lesson, window):
    """Grace, at the desk of physics, on a phone."""
    desk = window(f"{lesson.api}/desk", viewport={"width": 390, "height": 800})
    desk.sign_in("grace")
    desk.page.get_by_role("link", name="physics").click()
    assert desk.sees("Live: what happens")
    return desk


def test_nothing_on_the_desk_is_wider_than_its_page(lesson, desk):
    question = ask(lesson, "W" * 280)
    address = desk.page.url

    for width in (390, 1280):
        desk.page.set_viewport_size({"width": width, "height": 800})
        desk.page.goto(address)
        assert wide(desk) <= width, "an unbroken word should be broken"
        desk.page.locator(f"#question-{question}").get_by_role("button", name="Delete").click()
        desk.page.wait_for_url("**/desk/physics/*")  # and its style
        assert wide(desk) <= width, "and where grace is asked whether she is sure"


def wide(desk):
    """How many pixels all that a page shows needs."""
    return desk.page.evaluate("document.documentElement.scrollWidth")


def test_the_desk_gathers_what_changes_and_misses_nothing(lesson, desk):
    question = ask(lesson, "Popular?")
    votes = desk.page.locator(f"#question-{question} td").first
    assert desk.shows(votes)
    fetches = []
    desk.page.on("request", lambda request: fetches.append(request) if request.url == desk.page.url else None)

    with lesson.socket(visitor=lesson.person("ada"), auth={"room": "physics"}) as ada:
        for _ in range(10):
            ada.call("vote", {"id": question})
            ada.call("unvote", {"id": question})
        ada.call("vote", {"id": question})

    assert desk.shows(votes.get_by_text("1")), "the last vote should count"
    assert len(fetches) < 11, "21 changes should not be 21 fetches"


@pytest.mark.long
def test_the_desk_says_while_it_reconnects_and_then_looks_again(lesson, desk):
    with lesson.api_stopped():
        assert desk.sees("Reconnecting …")
    missed = ask(lesson, "While grace was away?")

    assert desk.sees("Live: what happens", within=10)
    assert desk.shows(desk.page.locator(f"#question-{missed}"))
    assert not desk.page.get_by_text("Reconnecting").count()


def test_the_desk_leads_to_the_board_of_its_room(lesson, desk):
    board = f"{lesson.page}/#physics"

    desk.page.get_by_role("link", name="The board").click()

    desk.page.wait_for_url(board)
    assert desk.shows(desk.page.get_by_role("heading", name="physics", exact=True))


def test_a_learner_is_told_once_that_the_desk_is_for_teachers_and_led_back(lesson, window):
    board = lesson.page
    ada = window(f"{lesson.api}/desk")
    ada.sign_in("ada")
    assert ada.sees("Only a teacher of this room may do that.")
    assert not ada.page.get_by_role("link", name="Your rooms").count(), "it would only say so again"

    ada.page.get_by_role("link", name="Back to the board").click()
    ada.page.wait_for_url(f"{board}/")


def test_a_teacher_sees_three_questions_and_answers_with_one_press(lesson, window):
    lesson.empty()
    ada = lesson.person("ada")
    lesson.join(ada)
    for text in ("Why is the sky blue?", "Who is Maxwell?", "What is a field?"):
        ada.post("/api/questions?room=physics", json={"text": text})
    grace = window(f"{lesson.page}#physics", viewport={"width": 1280, "height": 800})
    grace.sign_in("grace")
    assert grace.shows(grace.question("What is a field?"))
    items = grace.page.get_by_role("list", name="Questions").get_by_role("listitem")
    bottoms = [box["y"] + box["height"] for box in map(lambda item: item.bounding_box(), items.all()) if box]
    assert sum(bottom <= 800 for bottom in bottoms) >= 3
    withdraw = grace.page.get_by_role("button", name="Withdraw: Who is Maxwell?")
    assert not withdraw.is_visible(), "what is seldom done should not be in the way"

    grace.page.locator("summary[aria-label='More: Who is Maxwell?']").press("Enter")
    assert grace.shows(withdraw)
    grace.click("Mark as answered", "Who is Maxwell?")
    assert grace.shows(grace.question("Who is Maxwell?").get_by_text("Answered", exact=True))


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_axe_finds_no_fault_in_a_room_and_at_the_desk(lesson, window, scheme):
    grace, ada = window(f"{lesson.page}#physics", color_scheme=scheme), lesson.person("ada")
    lesson.join(ada)
    assert grace.shows(grace.page.get_by_role("button", name="Sign in"), within=5)
    assert grace.faults() == []

    grace.sign_in("grace")
    assert grace.shows(grace.page.get_by_role("heading", name="physics", exact=True), within=5)
    grace.opens("Another room")
    with lesson.socket(visitor=ada, auth={"room": "physics"}) as socket:
        socket.call("whisper", {"to": "grace", "text": "May I?"})
        assert grace.sees("1 new") and grace.faults() == []
        grace.opens("Whispers")
        grace.opens("Settings")
        grace.page.get_by_label("Your whisper").fill("Well done")
        assert grace.sees("May I?")
        assert grace.faults() == []

    grace.page.goto(f"{lesson.api}/desk")
    assert grace.sees("Your rooms") and grace.faults() == []
    grace.page.goto(f"{lesson.api}/desk/physics")
    assert grace.sees("Live") and grace.faults() == []
