"""Lesson 4 on a projector: a room of one's own, who may do what in it, and what an attacker gets."""

import json
import re
import secrets

from socketio.exceptions import ConnectionError

from course.demo import exchange
from course.processes import wait_for

PHYSICS = {"room": "physics"}
QUESTION = "What is light?"
FRAME = "url => document.body.append(Object.assign(document.createElement('iframe'), {src: url}))"


def a_room_of_its_own(stage):
    """Ada signs in and asks in physics, and the lobby sees nothing of it."""
    answer = stage.signed_in("ada").post("/api/questions?room=physics", json={"text": QUESTION})
    yield from exchange(answer)
    ada = stage.at_home("ada", "physics")
    assert ada.sees(QUESTION, within=5), "ada should see her question"
    yield f"Ada, physics\t{ada.question(QUESTION).locator('.text').inner_text()}"
    assert stage.alice.sees("live", within=5) and not stage.alice.question(QUESTION).count(), "the lobby should not"
    yield f"Alice, lobby\t{stage.alice.page.get_by_role('listitem').count()} questions"
    yield "To see it on your page, sign in: grace, live-flask. Then go to physics."


def enter(stage):
    """To Socket.IO a room is a list of connections, and no more: so a client asks to enter, and the server decides."""
    for name in ("ada", "ben"):
        with stage.socket(visitor=stage.signed_in(name)) as socket:
            acked = socket.call("enter", PHYSICS)
        assert acked.get("ok", False) is (name == "ada"), "ada is in the class, and ben is not"
        yield f'> {name}: enter {{"room": "physics"}}'
        if name == "ada":
            yield f'< "ok": true, "seq": {acked["seq"]}, "questions": [{len(acked["questions"])}], "names": …'
        else:
            yield f"< {acked['error']}"


def online_count(stage):
    """Ada has two more windows open, and is there once: nothing is counted up and down, so nothing is counted wrong."""
    ada = stage.signed_in("ada")
    with stage.socket(visitor=ada, auth=PHYSICS), stage.socket(visitor=ada, auth=PHYSICS) as socket:
        yield f"On the list\t{', '.join(names(socket))}"
        assert names(socket).count("ada") == 1, "ada should be on the list once"
        with stage.socket(visitor=stage.signed_in("grace"), auth=PHYSICS):
            assert wait_for(5, lambda: "grace" in names(socket)), "grace should be on the list"
            yield f"Grace comes\t{', '.join(names(socket))}"
    people = stage.at_home("ada", "physics").page.get_by_role("list", name="Here now")
    yield f"Ada's page\t{', '.join(people.get_by_role('listitem').all_inner_texts())}"


def just_to_you(stage):
    """Ada whispers to Grace: all of Grace's windows hear it, and nobody else's."""
    ada, grace = stage.signed_in("ada"), stage.signed_in("grace")
    with (
        stage.socket(visitor=ada, auth=PHYSICS) as learner,
        stage.socket(visitor=grace, auth=PHYSICS) as teacher,
        stage.socket(visitor=grace) as her_phone,
        stage.socket() as guest,
    ):
        assert learner.call("whisper", {"to": "grace", "text": "I am lost."})["ok"], "it should arrive"
        yield '> ada: whisper {"to": "grace", "text": "I am lost."}'
        for name, socket in (("grace", teacher), ("her phone", her_phone)):
            yield f'< {name}: whisper "{socket.next("whisper", within=5).data["text"]}"'
        assert guest.silent("whisper"), "a guest should hear nothing"
        acked = learner.call("whisper", {"to": "ben", "text": "Psst"})
        yield '> ada: whisper {"to": "ben", "text": "Psst"}'
        yield f"< {acked['error']}"


def sign_in(stage):
    """A wrong password and an unknown name get the same answer: nobody learns who exists."""
    answers = set()
    for name in ("ben", "zoe"):
        answer = stage.visitor().post("/api/login", json={"name": name, "password": "guess"})
        answers.add((answer.status_code, answer.text))
        yield f'> POST /api/login {{"name": "{name}", "password": "guess"}}'
        yield f"< {answer.status_code} {answer.json()['error']}"
    assert len(answers) == 1, "the two answers should be the same"


def a_token(stage):
    """A program brings a token: everybody can read it, and nobody can change a letter of it."""
    given = stage.program().post("/api/tokens", json={"name": "ben", "password": "live-flask"}).json()["token"]
    for token, name in ((given, "ben"), (f"x{given}", None)):
        me = stage.program().get("/api/me", headers={"Authorization": f"Bearer {token}"}).json()
        assert me["name"] == name, "a token should be taken as it is, or not at all"
        yield f"> Authorization: Bearer {token[:40]}…"
        yield f'< "name": {json.dumps(me["name"])}'


def the_same_answer(stage):
    """Ben asks for a room that is not his, and for one that is not there: he cannot tell which is which."""
    ben, answers = stage.signed_in("ben"), set()
    for room in ("physics", "nowhere"):
        answer = ben.get(f"/api/questions?room={room}")
        answers.add((answer.status_code, answer.text))
        yield from exchange(answer)
    assert answers == {(404, answer.text)}, "the two answers should be the same"
    yield f"< {answer.json()['error']}"


def the_code(stage):
    """His teacher gives him the code, and he is in."""
    ben = stage.signed_in("ben")
    answer = ben.post("/api/rooms/physics/members", json={"code": "apple"})
    yield from exchange(answer)
    yield f'< "members": {json.dumps(answer.json()["members"])}'
    texts = [each["text"] for each in ben.get("/api/questions?room=physics").json()]
    assert QUESTION in texts, "he should see the questions now"
    yield f"He reads\t{', '.join(texts)}"


def who_may(stage):
    """Ben may not reword Ada's question; Grace, who teaches, may mark it as answered. Look at physics."""
    where = f"/api/questions/{number_of(stage, QUESTION)}"
    refused = stage.signed_in("ben").patch(where, json={"text": "What is dark?"})
    assert refused.status_code == 403, "ben should not change what is not his"
    yield f"> ben: PATCH {where}"
    yield f"< {refused.status_code} {refused.json()['error']}"
    answer = stage.signed_in("grace").patch(where, json={"answered": True})
    assert answer.is_success, "a teacher looks after her room"
    yield f"> grace: PATCH {where}"
    yield f'< {answer.status_code} "answered": true'
    ada = stage.at_home("ada", "physics")
    assert ada.shows(ada.question(QUESTION).get_by_text("Answered", exact=True), within=5), "ada's page should show it"


def the_desk(stage):
    """Grace's desk is a table of forms, made on the server: a new row comes by itself, and not over her pen."""
    desk = the_desk_of(stage)
    pen = desk.page.locator(f"#question-{number_of(stage, QUESTION)} textarea")
    pen.fill("What is light made")
    ask(stage.at_home("ada", "physics"), "And what is sound?")
    row = desk.page.locator("tr").filter(has_text="ada").filter(has=desk.page.get_by_text("And what is sound?"))
    assert desk.shows(row.first, within=5), "the new row should come by itself"
    assert pen.input_value() == "What is light made", "and what she is writing should stay"
    yield f"Being written\t{pen.input_value()}"
    yield f"New\t{row.first.get_by_label('Question').input_value()}"


def a_form_from_elsewhere(stage):
    """Mallory's page sends a form to that desk, with Grace's cookie: its origin tells, and it lacks our token."""
    where, grace = f"/desk/physics/{number_of(stage, QUESTION)}", stage.signed_in("grace")
    for origin in (stage.stranger.origin, stage.api):
        answer = grace.post(where, data={"text": "Forged", "save": ""}, headers={"Origin": origin})
        assert answer.status_code in {400, 403}, "a form without a token should be refused"
        yield from exchange(answer, "Origin")
    assert "Forged" not in grace.get("/api/questions?room=physics").text, "nothing should be changed"
    yield f"< {re.search(r'This form is too old[^<]*', answer.text)[0].strip()}"


def a_frame(stage):
    """Nor may her page show the desk in an invisible frame, for Grace to press what she does not see."""
    trap = stage.another_tab(stage.at_home("grace", "physics"), stage.stranger.origin)
    trap.page.evaluate(FRAME, f"{stage.api}/desk/physics")
    assert wait_for(5, lambda: any("frame" in line for line in words(trap))), "the browser should refuse to show it"
    yield f"Console\t{next(line for line in words(trap) if 'frame' in line).removeprefix('error: ').strip()}"
    policy = stage.signed_in("grace").get("/desk/physics").headers["Content-Security-Policy"]
    yield f"< Content-Security-Policy: … {policy.split('; ')[-1]}"


def text_is_text(stage):
    """Mallory asks a script; and whatever it looks like, a question is text. Look at the lobby."""
    script = "<script>document.title = 'owned'</script>"
    stage.visitor().post("/api/questions", json={"text": script, "author": "Mallory"})
    assert stage.alice.shows(stage.alice.question(script).first, within=5), "alice's page should show it as text"
    assert "owned" not in stage.alice.page.title(), "and not run it"
    yield f"Alice's page\t{stage.alice.question(script).first.locator('.text').inner_text()}"
    yield f"Its title\t{stage.alice.page.title()}"


def one_session_for_both(stage):
    """Ada signs out on her phone: her socket, her stream and her page's connection end, on every device."""
    home, phone = stage.at_home("ada", "physics"), stage.signed_in("ada")
    with stage.socket(visitor=phone, auth=PHYSICS) as socket, stage.stream("room:physics", visitor=phone) as stream:
        answer = phone.post("/api/logout")
        yield from exchange(answer)
        assert socket.ends(within=5), "her socket should end"
        yield "Her socket\thas ended"
        while stream.next(within=5):
            pass
        yield "Her stream\thas ended"
    assert home.shows(home.page.get_by_role("button", name="Sign in"), within=10), "her page should ask who she is"
    yield "Her page\tasks who she is"
    yield f"Her socket\tcomes again: {refusal(stage, phone)}"


def too_often(stage):
    """Eve guesses a password: ten times a minute, then she waits, and so would whoever knows it."""
    for number in range(1, 12):
        answer = stage.visitor().post("/api/login", json={"name": "eve", "password": secrets.token_hex(4)})
        if number in {1, 10, 11}:
            yield f"Guess {number}\t{answer.status_code} {answer.json()['error']}"
    assert answer.status_code == 429, "the eleventh guess should be refused"
    yield f"< Retry-After: {answer.headers['Retry-After']}"


def ask(window, text):
    """Ask on the page as somebody who has signed in, and whose name is known."""
    window.page.get_by_label("Your question", exact=True).fill(text)
    window.page.get_by_role("button", name="Ask", exact=True).click()


def refusal(stage, visitor):
    """What a socket of hers, who may not enter physics, is told."""
    try:
        stage.socket(visitor=visitor, auth=PHYSICS).leave()
    except ConnectionError as refused:
        return refused.args[0]["message"]
    raise AssertionError("she should not be let in")


def names(socket):
    """Who is in physics, as the server tells one who is there."""
    return socket.call("enter", PHYSICS)["names"]


def number_of(stage, text):
    """The number of a question in physics."""
    found = {each["text"]: each["id"] for each in stage.signed_in("grace").get("/api/questions?room=physics").json()}
    assert text in found, f"{text} should be asked first"
    return found[text]


def the_desk_of(stage):
    """Grace's desk, in another tab of her browser."""
    desk = stage.another_tab(stage.at_home("grace", "physics"), f"{stage.api}/desk/physics")
    assert desk.sees("Live: what happens", within=10), "the desk should be live"
    return desk


def words(window):
    """What a browser's console says by now."""
    window.page.title()  # it is read while we wait for the browser
    return window.console
